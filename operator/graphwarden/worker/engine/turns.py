"""Callers who wait here for their runs' turns. No I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from graphwarden.worker.runs import Run
from graphwarden.worker.storage.hands import Owned


@dataclass(slots=True)
class Turn:
    """A caller and its run; `claimed` gives None when the turn came about elsewhere."""

    run: Run
    claimed: asyncio.Future[Owned | None]
    # Whether the run is in the database: it may be claimed before its caller knows that it waits.
    is_stored: bool = False

    def settle(self, owned: Owned | None) -> bool:
        """Tell the caller; False when it has been told before."""
        if self.claimed.done():
            return False
        self.claimed.set_result(owned)
        return True

    def repeats(self, lost: Run) -> bool:
        """Whether this caller asks what a lost run was asked."""
        return (
            self.run.thread_id == lost.thread_id
            and self.run.graph_id == lost.graph_id
            and self.run.kwargs_digest == lost.kwargs_digest
        )


class Turns:
    """All turns that are waited for in this worker, by run id."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, run: Run) -> Turn:
        """A caller who is about to wait."""
        turn = Turn(run, asyncio.get_running_loop().create_future())
        self._turns[run.run_id] = turn
        return turn

    def keep(self, turn: Turn, run: Run) -> None:
        """The run that this caller waits for is in the database."""
        self._turns.pop(turn.run.run_id, None)
        turn.run, turn.is_stored = run, True
        self._turns[run.run_id] = turn

    def drop(self, turn: Turn) -> None:
        """This caller waits no more."""
        if self._turns.get(turn.run.run_id) is turn:
            del self._turns[turn.run.run_id]

    def find(self, run: Run) -> Turn | None:
        """The caller of a run, or of the same call as one that lost its own."""
        own = self._turns.get(run.run_id)
        if own is not None or not run.orphaned:
            return own
        return next((turn for turn in self._turns.values() if turn.repeats(run)), None)

    def list_threads(self) -> set[str]:
        """The threads that are waited for."""
        return {turn.run.thread_id for turn in self._turns.values() if turn.is_stored}

    def list_stored(self) -> dict[str, Turn]:
        """The turns of runs in the database, by run id."""
        return {name: turn for name, turn in self._turns.items() if turn.is_stored}

    def settle_missing(self, asked: dict[str, Turn], still_waiting: Collection[str]) -> None:
        """Tell the callers whose runs do not wait any more."""
        for run_id, turn in asked.items():
            if run_id not in still_waiting:
                turn.settle(None)
