"""Finds runs to do: those that wait, those that lost their worker, and threads to wake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from langchain_core.utils.uuid import uuid7

from graphwarden.api import names
from graphwarden.worker.admission import Admission, Place
from graphwarden.worker.engine.orders import make_wake_run
from graphwarden.worker.engine.turns import Turns
from graphwarden.worker.engine.work import DATABASE_ERRORS
from graphwarden.worker.errors import ApiError
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.parking import make_answers
from graphwarden.worker.runs import Run
from graphwarden.worker.storage.fence import RunBroken
from graphwarden.worker.storage.hands import Owned
from graphwarden.worker.threads import Thread

if TYPE_CHECKING:
    from graphwarden.worker.storage.database import Storage

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 0.3
_WAITING_SECONDS = 0.05
_CHECK_SECONDS = 0.3

Perform = Callable[[Owned, Place], None]


class Foreman:
    """Looks into the database a few times a second, and at once when told to."""

    def __init__(
        self,
        storage: Storage,
        graphs: Graphs,
        admission: Admission,
        turns: Turns,
        perform: Perform,
        keep: Callable[[Awaitable[None]], None],
    ) -> None:
        self._storage = storage
        self._graphs = graphs
        self._admission = admission
        self._turns = turns
        self._perform = perform
        self._keep = keep
        self._kicked = asyncio.Event()
        self._checked = 0.0
        # Whether the last look left something undone for want of room.
        self._is_short = False

    def kick(self) -> None:
        """Something may have become free: look at once."""
        self._kicked.set()

    def room_made(self) -> None:
        """A run has ended: look at once, if the last look would have found a use for its room."""
        if self._is_short or len(self._turns):
            self.kick()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._kicked.clear()
            try:
                await self._look()
            except (*DATABASE_ERRORS, RunBroken) as error:
                logger.warning("cannot look for runs: %s: %s", type(error).__name__, error)
                await asyncio.sleep(_IDLE_SECONDS)
            except Exception:
                # One odd row must not end the looking for all others.
                logger.exception("looking for runs failed")
                await asyncio.sleep(_IDLE_SECONDS)
            pause = _WAITING_SECONDS if len(self._turns) else _IDLE_SECONDS
            with contextlib.suppress(TimeoutError):
                # Workers that start together must not look together for ever.
                async with asyncio.timeout(pause * random.uniform(0.7, 1.3)):  # noqa: S311
                    await self._kicked.wait()

    async def _look(self) -> None:
        await self._check_turns()
        self._is_short = False
        if self._admission.is_closed:
            return
        loaded = [name for name, slot in self._graphs.slots.items() if slot.graph is not None]
        waiting = self._turns.list_threads()
        if waiting:
            for owned in await self._storage.claims.claim_for(loaded, waiting):
                self._hand_out(owned)
        for graphs, limit in self._list_rooms():
            found = await self._storage.claims.claim(graphs, limit)
            self._is_short |= len(found) >= limit
            for owned in found:
                self._hand_out(owned)
        now = datetime.now(UTC)
        for graphs, limit in self._list_rooms():
            woken = await self._storage.wakes.claim(graphs, limit, now, _make_wake)
            self._is_short |= len(woken) >= limit
            for owned in woken:
                self._hand_out(owned)

    def _list_rooms(self) -> Iterator[tuple[list[str], int]]:
        """Groups of graphs, and how many runs of each group there is room for when its turn comes.

        Graphs that have more room of their own than the worker has go together.
        """
        wide: list[str] = []
        for name, slot in list(self._graphs.slots.items()):
            room = self._admission.limit - self._admission.in_flight
            free = slot.row.run.max_concurrency - slot.in_flight
            if slot.graph is None or free <= 0 or room <= 0:
                self._is_short |= slot.graph is not None
                continue
            if free >= room:
                wide.append(name)
            else:
                yield [name], free
        room = self._admission.limit - self._admission.in_flight
        if wide and room > 0:
            yield wide, room
        elif wide:
            self._is_short = True

    def _hand_out(self, owned: Owned) -> None:
        """Give a claimed run to its caller, or perform it for nobody in particular."""
        turn = self._turns.find(owned.run)
        if turn is not None and turn.settle(owned):
            return
        slot = self._graphs.slots.get(owned.run.graph_id)
        try:
            if slot is None:
                raise ApiError(503, "GraphNotLoaded", "the graph left this worker")
            # A run for whose thread somebody waits here goes first, also past the limits.
            beyond = owned.run.thread_id in self._turns.list_threads()
            place = self._admission.enter(slot, beyond=beyond)
        except ApiError:
            back = self._storage.ownership.hand_back(owned, orphaned=owned.run.orphaned)
            self._keep(back)
            return
        self._perform(owned, place)

    async def _check_turns(self) -> None:
        """Find out which of the runs that wait here came to an end or a start elsewhere."""
        now = time.monotonic()
        asked = self._turns.list_stored()
        if not asked or now - self._checked < _CHECK_SECONDS:
            return
        self._checked = now
        found = await self._storage.runs.list_open(run_ids=list(asked), statuses=("pending",))
        self._turns.settle_missing(asked, {run.run_id for run in found})


def _make_wake(thread: Thread, graph_id: str, now: datetime) -> Run:
    assistant_id = thread.metadata.get("assistant_id") or names.assistant_uuid(graph_id)
    answers = make_answers(thread.interrupts, now)
    return make_wake_run(thread, graph_id, assistant_id, str(uuid7()), answers, now)
