"""Places for runs: how many may be in flight in this worker and of each graph."""

from __future__ import annotations

from graphwarden.api.errors import Reason
from graphwarden.worker.errors import not_started
from graphwarden.worker.graphs import Slot
from graphwarden.worker.metrics import Metrics


class Place:
    """One place taken by a run. `leave` may be called more than once."""

    def __init__(self, admission: Admission, slot: Slot) -> None:
        self._admission = admission
        self._slot = slot
        self._taken = True

    def leave(self) -> None:
        """Give the place back."""
        if self._taken:
            self._taken = False
            self._admission.give_back(self._slot)


class Admission:
    """Counts of runs in flight against their limits. What does not fit is refused unstarted."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self.limit = limit
        self.in_flight = 0
        self.draining = False
        self._metrics = metrics

    def enter(self, slot: Slot) -> Place:
        """Take a place for a run of this graph.

        Raises:
            ApiError: 503 "not started", reason AtCapacity or Draining.
        """
        name = slot.row.assistant_id
        if self.draining:
            raise not_started(Reason.DRAINING, "this worker is shutting down")
        if self.in_flight >= self.limit:
            detail = f"this worker runs {self.limit} graphs at a time and all places are taken"
            raise not_started(Reason.AT_CAPACITY, detail)
        graph_limit = slot.row.run.max_concurrency
        if slot.in_flight >= graph_limit:
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
