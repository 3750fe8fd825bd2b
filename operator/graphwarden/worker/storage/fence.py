"""The fence around a thread: a number that grows each time the thread changes hands.

Every write that a run makes on its thread carries the number the run started with. A worker that
was frozen, and wakes after another one took its thread over, finds that its number is old: the
write fails and nothing of it is stored.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

# What `graphwarden_require_fence` raises on PostgreSQL.
FENCED_OFF_SQLSTATE: Final = "GW001"


@dataclass(frozen=True, slots=True)
class Fence:
    """A thread, and the number under which this run owns it."""

    thread_id: str
    token: int


class RunBroken(Exception):
    """A run cannot go on here, through no fault of its graph: somebody else goes on with it."""


class StorageBroken(RunBroken):
    """The database did not take a write: it is away, or full."""


class FencedOff(RunBroken):
    """The thread belongs to another worker by now; nothing was written."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"thread {thread_id} was taken over by another worker")
        self.thread_id = thread_id


# Set by the run's task; LangGraph's own tasks and threads inherit it.
current_fence: ContextVar[Fence | None] = ContextVar("current_fence", default=None)


def find_fence(thread_id: str) -> Fence | None:
    """The fence for a write on this thread, where the writer runs under one for it."""
    fence = current_fence.get()
    return fence if fence is not None and fence.thread_id == thread_id else None
