"""A client that never gives up: each request becomes exactly one run, whatever happens."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from chaos.evidence import Accepted
from chaos.fleet import Fleet

FIRST = ("plan", "left", "right_a", "right_b", "join")
SECOND = ("ask", "finish")
_PAUSE_SECONDS = 0.1
# A worker that was stopped does not say so.
_LOOK_SECONDS = 2.0
_LOOKS = 50
_CALL_SECONDS = 8.0


@dataclass(slots=True)
class Client:
    """Conversations of two runs each: up to a question, and on from its answer."""

    fleet: Fleet
    durability: str
    # How many of its waiting calls the client leaves before the answer.
    leaves: float = 0.0
    accepted: list[Accepted] = field(default_factory=list)
    left: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    http: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=_CALL_SECONDS)
    )

    async def converse_until(self, stop: asyncio.Event) -> None:
        """One conversation after the other."""
        while not stop.is_set():
            await self.converse()

    async def converse(self) -> str:
        """One conversation, to its end; gives its thread."""
        thread = str(uuid.uuid4())
        name = f"q{next(self.numbers)}"
        first, second = f"{name}-start", f"{name}-answer"
        given = {"folder": str(self.fleet.folder), "request": first}
        await self._request(thread, first, FIRST, {"input": given})
        resume = {"command": {"resume": {"request": second}}}
        await self._request(thread, second, SECOND, resume)
        return thread

    async def fetch_state(self, thread: str) -> dict[str, Any] | None:
        """The values of a thread."""
        for _ in range(_LOOKS):
            found = await self._get(f"/threads/{thread}/state")
            if found is not None:
                values: dict[str, Any] = found["values"]
                return values
            await asyncio.sleep(_PAUSE_SECONDS)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def _request(
        self, thread: str, request: str, nodes: tuple[str, ...], work: dict[str, Any]
    ) -> None:
        body = {
            "assistant_id": "chaos",
            "if_not_exists": "create",
            "durability": self.durability,
            "metadata": {"request": request},
            "on_disconnect": "continue",
            **work,
        }
        if random.random() < 0.5:
            run = await self._start(thread, request, body)
        else:
            run = await self._wait(thread, request, body)
        self.accepted.append(Accepted(request, thread, run, nodes))
        while True:
            found = await self._get(f"/threads/{thread}/runs/{run}")
            if found is not None and found["status"] not in ("pending", "running"):
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _start(self, thread: str, request: str, body: dict[str, Any]) -> str:
        """A run in the background."""
        body = {**body, "stream_resumable": True, "stream_mode": ["updates"]}
        while True:
            run = await self._find(thread, request)
            if run is not None:
                return run
            answer = await self._post(f"/threads/{thread}/runs", body)
            if answer is not None:
                return str(answer.json()["run_id"])
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _wait(self, thread: str, request: str, body: dict[str, Any]) -> str:
        """A run whose answer is waited for; one that was lost on the way is asked for again."""
        while True:
            run = await self._find(thread, request)
            if run is None or not await self._has_ended(thread, run):
                call = self._post(f"/threads/{thread}/runs/wait", body)
                if random.random() < self.leaves:
                    self.left += 1
                    call = asyncio.wait_for(call, random.uniform(0.01, 0.3))
                try:
                    await call
                except TimeoutError:
                    # Whoever left comes back for the result, and does not ask the same anew.
                    if run is None:
                        run = await self._find_soon(thread, request)
                    if run is not None:
                        return run
                    continue
                run = await self._find(thread, request)
            if run is not None:
                return run
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _find_soon(self, thread: str, request: str) -> str | None:
        for _ in range(10):
            run = await self._find(thread, request)
            if run is not None:
                return run
            await asyncio.sleep(_PAUSE_SECONDS)
        return None

    async def _has_ended(self, thread: str, run: str) -> bool:
        found = await self._get(f"/threads/{thread}/runs/{run}")
        return found is not None and found["status"] not in ("pending", "running")

    async def _find(self, thread: str, request: str) -> str | None:
        """The run of a request, once the fleet says for certain whether there is one."""
        while True:
            found = await self._get(f"/threads/{thread}/runs", missing=[])
            if found is not None:
                names = [r["run_id"] for r in found if r["metadata"].get("request") == request]
                return names[0] if names else None
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _get(self, path: str, missing: Any = None) -> Any:
        """What is there; `missing` when there is no such thing; None when no worker answers."""
        try:
            answer = await self.http.get(self.fleet.choose().url + path, timeout=_LOOK_SECONDS)
        except httpx.TransportError:
            return None
        if answer.status_code == 404:
            return missing
        return answer.json() if answer.status_code == 200 else None

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response | None:
        try:
            # A worker that was stopped reads what it was sent when it goes on, long after the
            # client has turned to another.
            key = {"idempotency-key": body["metadata"]["request"]}
            answer = await self.http.post(self.fleet.choose().url + path, json=body, headers=key)
        except httpx.TransportError:
            return None
        if answer.status_code == 422:
            raise AssertionError(answer.text)
        return answer if answer.status_code == 200 else None
