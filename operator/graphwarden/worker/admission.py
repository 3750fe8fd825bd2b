"""Places for runs: how many may be in flight in this worker and of each graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from graphwarden.api.errors import Reason
from graphwarden.worker import marks
from graphwarden.worker.errors import not_started
from graphwarden.worker.graphs import Slot
from graphwarden.worker.marks import RunMark
from graphwarden.worker.metrics import Metrics

# A run may hold several threads at once: one per synchronous node of a superstep.
_THREADS_PER_RUN = 4
_FEWEST_THREADS = 32


class Place:
    """One place taken by a run. `leave` may be called more than once."""

    def __init__(self, admission: Admission, slot: Slot) -> None:
        self._admission = admission
        self._slot = slot
        self._taken = True

    def leave(self) -> None:
        """Give the place back, or leave it to the threads of the run that go on without it.

        A thread cannot be stopped: a run that ends at its time limit leaves its synchronous nodes
        behind. Without their place they would pile up beyond every limit.
        """
        if not self._taken:
            return
        self._taken = False
        mark = marks.current.get()
        if mark is not None and mark.open_threads:
            loop = asyncio.get_running_loop()
            if mark.when_idle(lambda: _call_in(loop, lambda: self._found(mark))):
                self._admission.lose(self._slot, mark)
                return
        self._admission.give_back(self._slot)

    def _found(self, mark: RunMark) -> None:
        self._admission.find(self._slot, mark)
        self._admission.give_back(self._slot)


class Admission:
    """Counts of runs in flight against their limits. What does not fit is refused unstarted."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self.limit = limit
        self.in_flight = 0
        # Of those in flight, the ones that ended and whose threads go on.
        self._lost: set[RunMark] = set()
        self.draining = False
        self.short_of_memory = False
        self._metrics = metrics

    @property
    def mostly_lost(self) -> bool:
        """Whether threads that nobody waits for hold half the places or half of all threads."""
        threads = sum(mark.open_threads for mark in list(self._lost))
        return self.lost * 2 >= self.limit or threads * 2 >= count_threads(self.limit)

    @property
    def lost(self) -> int:
        """Runs that ended and whose threads go on."""
        return len(self._lost)

    @property
    def is_closed(self) -> bool:
        """Whether no new run is taken, however many places are free."""
        return self.draining or self.short_of_memory

    def enter(self, slot: Slot, *, beyond: bool = False) -> Place:
        """Take a place for a run of this graph.

        Args:
            slot: the graph.
            beyond: also where none is free: a run for which others here wait must not wait.

        Raises:
            ApiError: 503 "not started", reason AtCapacity, Draining or MemoryPressure.
        """
        name = slot.row.assistant_id
        if self.draining:
            raise not_started(Reason.DRAINING, "this worker is shutting down")
        if self.short_of_memory and not beyond:
            detail = "this worker is near the end of its memory and takes no new runs"
            raise not_started(Reason.MEMORY_PRESSURE, detail)
        if self.in_flight >= self.limit and not beyond:
            detail = f"this worker runs {self.limit} graphs at a time and all places are taken"
            raise not_started(Reason.AT_CAPACITY, detail)
        graph_limit = slot.row.run.max_concurrency
        if slot.in_flight >= graph_limit and not beyond:
            detail = f"graph '{name}' runs {graph_limit} times at once and all places are taken"
            raise not_started(Reason.AT_CAPACITY, detail)
        self.in_flight += 1
        slot.in_flight += 1
        self._metrics.run_started(name)
        return Place(self, slot)

    def give_back(self, slot: Slot) -> None:
        """One run less."""
        self.in_flight -= 1
        slot.in_flight -= 1
        self._metrics.run_left(slot.row.assistant_id)

    def lose(self, slot: Slot, mark: RunMark) -> None:
        """A run ended and threads of it keep its place."""
        self._lost.add(mark)
        self._metrics.run_lost(slot.row.assistant_id)

    def find(self, slot: Slot, mark: RunMark) -> None:
        """The last of those threads ended."""
        self._lost.discard(mark)
        self._metrics.run_found(slot.row.assistant_id)


def count_threads(limit: int) -> int:
    """Threads for the synchronous nodes of so many runs."""
    return max(_FEWEST_THREADS, limit * _THREADS_PER_RUN)


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Have the loop make a call, from a thread that may outlive it."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
