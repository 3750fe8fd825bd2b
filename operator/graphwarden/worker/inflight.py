"""Runs in flight: a task each, its events on the way to a reader, and a way to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from graphwarden.worker.encoding import dumps
from graphwarden.worker.runs import Outcome
from graphwarden.worker.sse import render_event

StopReason = Literal["disconnect", "cancelled", "deleted", "drain", "ownership"]

_EVENTS_UNDER_WAY = 256


class EventQueue:
    """Events of one run on their way to one reader, as bytes. A full queue slows the run down.

    When the reader has left, events are dropped and the run goes on.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_EVENTS_UNDER_WAY)
        self._read = True

    async def emit(self, event: str, data: Any) -> None:
        """Send one event."""
        if self._read:
            await self._queue.put(render_event(event, dumps(data)))

    async def close(self) -> None:
        """No more events will come."""
        if self._read:
            await self._queue.put(None)

    def leave(self) -> None:
        """The reader has gone: unblock the run."""
        self._read = False
        while not self._queue.empty():
            self._queue.get_nowait()

    async def get(self) -> tuple[bytes, bool]:
        """Everything that has arrived, at least one item; and whether that was the last."""
        chunks = [await self._queue.get()]
        while not self._queue.empty():
            chunks.append(self._queue.get_nowait())
        whole = b"".join(chunk for chunk in chunks if chunk is not None)
        return whole, chunks[-1] is None


class RunHandle:
    """A run in flight, seen from outside: its task, and why it was stopped, if it was."""

    def __init__(self, run_id: str, thread_id: str, *, cancel_on_disconnect: bool = False) -> None:
        self.run_id = run_id
        self.thread_id = thread_id
        self.cancel_on_disconnect = cancel_on_disconnect
        self.stop_reason: StopReason | None = None
        self._task: asyncio.Task[Outcome] | None = None

    @property
    def task(self) -> asyncio.Task[Outcome]:
        """The run's task; set by `InFlight.start`."""
        assert self._task is not None
        return self._task

    def begin(self, work: Awaitable[Outcome]) -> None:
        """Start the run."""
        self._task = asyncio.ensure_future(work)

    def stop(self, reason: StopReason) -> None:
        """Cancel the run and remember why."""
        if self.stop_reason is None and not self.task.done():
            self.stop_reason = reason
            self.task.cancel()


class InFlight:
    """All runs of this worker that have not ended."""

    def __init__(self) -> None:
        self.handles: set[RunHandle] = set()

    def start(self, handle: RunHandle, work: Callable[[], Awaitable[Outcome]]) -> RunHandle:
        """Start a run; it is in flight until its task ends."""
        handle.begin(work())
        self.handles.add(handle)
        handle.task.add_done_callback(lambda task: self._ended(handle, task))
        return handle

    def stop_thread(self, thread_id: str, reason: StopReason) -> list[RunHandle]:
        """Stop the runs of one thread; returns those that were in flight."""
        found = [handle for handle in self.handles if handle.thread_id == thread_id]
        for handle in found:
            handle.stop(reason)
        return found

    async def wait_until_empty(self, seconds: float) -> bool:
        """Wait for the runs in flight; False when some are left after `seconds`."""
        tasks = {handle.task for handle in self.handles}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return not self.handles

    def _ended(self, handle: RunHandle, task: asyncio.Task[Outcome]) -> None:
        self.handles.discard(handle)
        if not task.cancelled():
            task.exception()
