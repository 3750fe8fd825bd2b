"""Transcripts made again, call by call, against a server of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import httpx

from contract.replay import Call, read_events, read_trace
from contract.replay_compare import Difference, Ids, compare
from contract.replay_gaps import GAPS, HEADERS, UNKNOWN_REQUESTS

# In the order in which they were recorded: some calls count what earlier ones left behind.
TRACES = (
    "assistants_and_meta",
    "stateless_runs_and_streams",
    "threads_state_history",
    "cancel_multitask_join_resume",
    "store_crons_misc",
    "protocol_v2",
)
GRAPHS = ("echo", "chat", "hitl", "err", "slow", "parent", "factory")
_SECONDS_FOR_A_STREAM = 10.0
_SECONDS_OF_SILENCE = 0.7


class Replay:
    """A client that follows transcripts."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.ids = Ids(GRAPHS)
        self.headers: dict[str, str] = {}
        self.sent: list[str] = []
        self.differences: list[Difference] = []
        self._meanwhile: asyncio.Task[None] | None = None

    async def run(self, trace: str) -> None:
        """Make all calls of a transcript and keep what differs."""
        for call in read_trace(trace):
            if call.name in UNKNOWN_REQUESTS:
                continue
            self.headers = dict(HEADERS.get(call.name, {}))
            if fill := GAPS.get(call.name):
                await fill(self)
            live = await self._send(call)
            if self._meanwhile:
                await self._meanwhile
                self._meanwhile = None
            self.sent.append(call.name)
            self.differences += compare(call, live, self.ids)

    def bind(self, recorded: str, live: str) -> bool:
        return self.ids.bind(recorded, live)

    def meanwhile(self, work: Coroutine[Any, Any, None]) -> None:
        self._meanwhile = asyncio.create_task(work)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = None if body is None else self.ids.translate(json.dumps(body))
        where = self.ids.translate(path)
        answer = await self.http.request(method, where, content=content, headers=headers)
        return answer.json() if answer.text.strip() else None

    async def events(self, method: str, path: str, **headers: str) -> list[dict[str, Any]]:
        answer = await self.http.request(method, self.ids.translate(path), headers=headers)
        return list(read_events(answer.text.splitlines()))

    async def _send(self, call: Call) -> Call:
        live = Call(call.trace, call.number, call.method, call.path, call.body)
        request = self.http.build_request(
            call.method,
            self.ids.translate(self._whole_path(call)),
            content=self._body(call),
            headers={"content-type": "application/json", **self.headers},
        )
        answer = await self.http.send(request, stream=True)
        try:
            live.status, live.headers = answer.status_code, dict(answer.headers)
            if call.endless:
                live.events = await _read_endless(answer, len(call.events or []))
                return live
            live.text = (await answer.aread()).decode()
            if "text/event-stream" in live.headers.get("content-type", ""):
                live.events = list(read_events(live.text.splitlines()))
            return live
        finally:
            await answer.aclose()

    def _body(self, call: Call) -> str | None:
        body = self.ids.translate(call.body)
        if call.endless and "since" in (asked := json.loads(body)):
            asked["since"] = int(self.ids.number(call.path, "seq", asked["since"]))
            return json.dumps(asked)
        return body or None

    def _whole_path(self, call: Call) -> str:
        """The transcripts name the threads of endless streams by their first letters only."""
        if not call.endless:
            return call.path
        short = call.path.split("/")[2]
        thread = next(one for one in self.ids.ours if one.startswith(short))
        return call.path.replace(short, thread)


async def _read_endless(answer: httpx.Response, wanted: int) -> list[dict[str, Any]]:
    """The frames of a stream that stays open, until all wanted ones came and then no more."""
    lines: list[str] = []
    reader = answer.aiter_lines()
    deadline = asyncio.get_running_loop().time() + _SECONDS_FOR_A_STREAM
    while True:
        enough = sum(line.startswith("data:") for line in lines) >= wanted
        left = deadline - asyncio.get_running_loop().time()
        wait = min(_SECONDS_OF_SILENCE, left) if enough else left
        try:
            lines.append(await asyncio.wait_for(anext(reader), wait))
        except (TimeoutError, StopAsyncIteration):
            return list(read_events(lines))
