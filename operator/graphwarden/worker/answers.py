"""How a run's result travels: JSON kept alive by line breaks, or server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from starlette.types import Receive, Scope, Send

from graphwarden.worker.channel import EventQueue
from graphwarden.worker.encoding import dumps
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.runs import Outcome
from graphwarden.worker.sse import HEARTBEAT
from graphwarden.worker.storage.fence import RunBroken

EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
# A run that ends this soon is answered in one piece.
_AT_ONCE_SECONDS = 0.05


class RunLost(ConnectionError):
    """The run was taken from this worker after its answer began: the connection must break.

    Ending the answer in good order would tell the client that the run is over.
    """


class WaitAnswer:
    r"""200 with the run's result as JSON, and a `\n` per heartbeat until it is there."""

    def __init__(
        self,
        handle: RunHandle,
        headers: Mapping[str, str],
        heartbeat_seconds: float,
        *,
        render: Callable[[Outcome], Any] = attrgetter("answer"),
    ) -> None:
        self._handle = handle
        self._render = render
        self._headers = {"content-type": "application/json", **headers}
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        task = self._handle.task
        await asyncio.wait({task}, timeout=_AT_ONCE_SECONDS)
        if task.done():
            body = dumps(self._render(_result(self._handle)))
            await begin(send, {**self._headers, "content-length": str(len(body))})
            await send({"type": "http.response.body", "body": body})
            return
        await begin(send, self._headers)
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            while not task.done():
                await asyncio.wait(
                    {task, gone},
                    timeout=self._heartbeat_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if gone.done():
                    _reader_left(self._handle)
                    return
                if not task.done():
                    await send({"type": "http.response.body", "body": b"\n", "more_body": True})
            body = dumps(self._render(_result(self._handle)))
            await send({"type": "http.response.body", "body": body})
        finally:
            gone.cancel()


class StreamAnswer:
    """200 with the run's events as server-sent events, and a comment per heartbeat."""

    def __init__(
        self,
        handle: RunHandle,
        events: EventQueue,
        headers: Mapping[str, str],
        heartbeat_seconds: float,
    ) -> None:
        self._handle = handle
        self._events = events
        self._headers = {**EVENT_STREAM, **headers}
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        await begin(send, self._headers)
        gone = asyncio.ensure_future(disconnected(receive))
        arrived = asyncio.ensure_future(self._events.get())
        try:
            while True:
                await asyncio.wait(
                    {arrived, gone},
                    timeout=self._heartbeat_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if gone.done():
                    _reader_left(self._handle)
                    return
                if not arrived.done():
                    message = {"body": HEARTBEAT, "more_body": True}
                    await send({"type": "http.response.body", **message})
                    continue
                body, last = arrived.result()
                if last:
                    if self._events.overrun:
                        raise RunLost(f"a reader of run {self._handle.run_id} was too slow")
                    # Raises when the run was taken away; else the stream ends in good order.
                    await asyncio.wait({self._handle.task})
                    _result(self._handle)
                await send({"type": "http.response.body", "body": body, "more_body": not last})
                if last:
                    return
                arrived = asyncio.ensure_future(self._events.get())
        finally:
            self._events.leave()
            gone.cancel()
            arrived.cancel()


async def begin(send: Send, headers: Mapping[str, str]) -> None:
    """Start an answer of 200."""
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})


async def disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _reader_left(handle: RunHandle) -> None:
    if handle.cancel_on_disconnect:
        handle.stop("disconnect")


def _result(handle: RunHandle) -> Outcome:
    if handle.task.cancelled():
        raise RunLost(f"run {handle.run_id} was taken from this worker: {handle.stop_reason}")
    try:
        return handle.task.result()
    except RunBroken as broken:
        raise RunLost(f"run {handle.run_id}: {broken}") from broken
