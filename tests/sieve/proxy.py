"""A proxy before the API server that sees every request of the operator, and may disturb it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sieve.faults import Fault, Write

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOPS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


@dataclass
class Proxy:
    """Forwards to `target`; what it is to do wrong is `fault`, which may change at any time."""

    target: str
    port: int
    fault: Fault = field(default_factory=Fault)
    writes: list[Write] = field(default_factory=list)
    requests: int = 0
    _session: aiohttp.ClientSession | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request of the operator."""
        self.requests += 1
        body = await request.read()
        if request.query.get("watch") in ("true", "1"):
            return await self._watch(request)
        if request.method in _WRITES:
            return await self._write(request, body)
        refusal = self.fault.before_read(request.path)
        if refusal is not None:
            return _answer(*refusal)
        status, headers, answer = await self._forward(request, body)
        return _answer(status, self.fault.change_read(request.path_qs, answer), headers)

    async def _write(self, request: web.Request, body: bytes) -> web.StreamResponse:
        write = Write(request.method, request.path)
        if not write.counts:
            return _answer(*_swap(await self._forward(request, body)))
        number = len(self.writes) + 1
        refusal = self.fault.before_write(number)
        if refusal is not None:
            return _answer(*refusal)
        self.writes.append(write)
        # What another pass of a killed operator has sent by then arrives all the same.
        status, headers, answer = await asyncio.shield(self._forward(request, body))
        self.fault.after_write(number)
        return _answer(status, answer, headers)

    async def _forward(self, request: web.Request, body: bytes) -> tuple[int, Any, bytes]:
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOPS}
        async with self._session.request(
            request.method, self.target + request.path_qs, headers=headers, data=body or None
        ) as answer:
            return answer.status, answer.headers, await answer.read()

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOPS}
        async with self._session.get(
            self.target + request.path_qs, headers=headers, timeout=aiohttp.ClientTimeout(None)
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = "application/json"
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):  # The operator is gone, or was killed.
                async for line in answer.content:
                    for pause, event in self.fault.change_event(line):
                        if pause:
                            await asyncio.sleep(pause)
                        await response.write(event)
                    if self.fault.ends_watch():
                        break
            return response

    async def _serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        connector = aiohttp.TCPConnector(ssl=False, limit=0)
        async with aiohttp.ClientSession(connector=connector, read_bufsize=2**24) as self._session:
            app = web.Application(client_max_size=2**26)
            app.router.add_route("*", "/{path:.*}", self.handle)
            runner = web.AppRunner(
                app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
            )
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            started.set()
            await stop.wait()
            await runner.cleanup()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve on a loop of its own, in a thread, for as long as the block lasts."""
        started, stop = threading.Event(), asyncio.Event()
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            work = self._serve(started, stop)
            thread = threading.Thread(target=runner.run, args=(work,), daemon=True)
            thread.start()
            assert started.wait(10), "the proxy did not start"
            try:
                yield
            finally:
                loop.call_soon_threadsafe(stop.set)
                thread.join(10)


def _swap(answer: tuple[int, Any, bytes]) -> tuple[int, bytes, Any]:
    status, headers, body = answer
    return status, body, headers


def _answer(status: int, body: bytes, headers: Any = None) -> web.Response:
    kept = {
        k: v for k, v in (headers or {}).items() if k.lower() in ("content-type", "retry-after")
    }
    return web.Response(status=status, body=body, headers=kept)
