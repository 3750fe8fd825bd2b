"""How a run's result travels: JSON kept alive by line breaks, or server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from graphwarden.worker.encoding import dumps
from graphwarden.worker.inflight import EventQueue, RunHandle
from graphwarden.worker.runs import Outcome
from graphwarden.worker.sse import HEARTBEAT

# A run that ends this soon is answered in one piece.
_AT_ONCE_SECONDS = 0.05


class RunLost(ConnectionError):
    """The run was taken from this worker after its answer began: the connection must break.

    Ending the answer in good order would tell the client that the run is over.
    """


class WaitAnswer:
    r"""200 with the run's result as JSON, and a `\n` per heartbeat until it is there."""

    def __init__(
        self, handle: RunHandle, headers: Mapping[str, str], heartbeat_seconds: float
    ) -> None:
        self._handle = handle
        self._headers = {"content-type": "application/json", **headers}
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        task = self._handle.task
        await asyncio.wait({task}, timeout=_AT_ONCE_SECONDS)
        if task.done():
            body = dumps(_result(self._handle).answer)
            await _begin(send, {**self._headers, "content-length": str(len(body))})
            await send({"type": "http.response.body", "body": body})
            return
        await _begin(send, self._headers)
        gone = asyncio.ensure_future(_disconnected(receive))
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
            body = dumps(_result(self._handle).answer)
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
        self._headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
            **headers,
        }
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        await _begin(send, self._headers)
        gone = asyncio.ensure_future(_disconnected(receive))
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


async def _begin(send: Send, headers: Mapping[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _reader_left(handle: RunHandle) -> None:
    if handle.cancel_on_disconnect:
        handle.stop("disconnect")


def _result(handle: RunHandle) -> Outcome:
    if handle.task.cancelled():
        raise RunLost(f"run {handle.run_id} was taken from this worker: {handle.stop_reason}")
    return handle.task.result()
