"""Runs in flight: a task each, the way of its events, and a way to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from graphwarden.worker.channel import Channel
from graphwarden.worker.runs import Outcome

StopReason = Literal[
    "disconnect", "cancelled", "rollback", "deleted", "drain", "ownership", "memory"
]


class RunHandle:
    """A run in flight, seen from outside: its task, and why it was stopped, if it was."""

    def __init__(
        self,
        run_id: str,
        thread_id: str,
        *,
        cancel_on_disconnect: bool = False,
        channel: Channel | None = None,
        has_caller: bool = True,
    ) -> None:
        self.run_id = run_id
        self.thread_id = thread_id
        self.cancel_on_disconnect = cancel_on_disconnect
        self.channel = channel
        self.has_caller = has_caller
        self.is_durable = False
        # An earlier call with the same key started it.
        self.is_repeat = False
        # The graph is done and only its end is being stored: too late to stop it.
        self.is_settled = False
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
        if self.stop_reason is None and not self.is_settled and not self.task.done():
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

    def find(self, run_id: str) -> RunHandle | None:
        """The run, if it is in flight here."""
        return next((handle for handle in self.handles if handle.run_id == run_id), None)

    def stop_all(self, reason: StopReason) -> None:
        """Stop every run on a thread that stays."""
        for handle in list(self.handles):
            if handle.is_durable:
                handle.stop(reason)

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
