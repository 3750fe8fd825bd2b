"""What a worker does besides running: show that it lives, and look after what others left.

A worker is dead when its lock is free, seen twice a moment apart: a database that restarts frees
all locks at once, and those who live take theirs again within that moment. A worker that holds its
lock and has not turned for a long while, by this worker's own clock, is as good as dead: its
connections are cut, and the fence keeps out what it may still write when it wakes. Time in which
this worker's own signs did not get through says nothing about the others'.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from graphwarden.worker.engine.retention import Retention
from graphwarden.worker.engine.work import DATABASE_ERRORS
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.inflight import InFlight
from graphwarden.worker.metrics import Metrics, Parked

if TYPE_CHECKING:
    from graphwarden.worker.storage.database import Storage

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 2.0
_SILENT_SECONDS = 1.5 * _BEAT_SECONDS
_LOOK_SECONDS = 0.4
_CANCEL_SECONDS = 0.3
_PRUNE_SECONDS = 20.0
_COUNT_SECONDS = 5.0
_PRUNE_AT_ONCE = 200
_EVENTS_AT_ONCE = 2000


class Caretaker:
    """The background duties of one worker on one database."""

    def __init__(
        self,
        storage: Storage,
        in_flight: InFlight,
        graphs: Graphs,
        metrics: Metrics,
        retention: Retention,
        lease_seconds: float,
        on_freed: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._in_flight = in_flight
        self._graphs = graphs
        self._metrics = metrics
        self._retention = retention
        self._lease_seconds = lease_seconds
        self._on_freed = on_freed
        self._silent_since: dict[str, float] = {}
        self._beats: dict[str, tuple[datetime, float]] = {}
        self._own_beat = time.monotonic()

    async def run(self) -> None:
        """All duties, until cancelled."""
        await asyncio.gather(
            repeat(self._beat, _BEAT_SECONDS),
            repeat(self.look_at_others, _LOOK_SECONDS),
            repeat(self._stop_cancelled, _CANCEL_SECONDS),
            repeat(self._prune, _PRUNE_SECONDS),
            repeat(self._count, _COUNT_SECONDS),
        )

    async def is_dead(self, worker_id: str) -> bool:
        """Whether a worker's lock is free, and still is a moment later."""
        if await self._storage.liveness.lives(worker_id):
            return False
        await asyncio.sleep(_LOOK_SECONDS)
        return not await self._storage.liveness.lives(worker_id)

    async def take_over(self, worker_id: str) -> None:
        """Free what a dead worker owned, for whoever has room."""
        freed = await self._storage.workers.take_over(worker_id)
        self._silent_since.pop(worker_id, None)
        if freed is not None:
            extra = {"gone": worker_id, "runs": freed}
            logger.warning("worker is gone, its runs go on", extra=extra)
        self._on_freed()

    async def look_at_others(self) -> None:
        """Find the dead among the workers."""
        now = time.monotonic()
        others = await self._storage.workers.list_others(self._storage.identity.worker_id)
        for other in others:
            name = other.worker_id
            seen = self._beats.get(name)
            if seen is None or seen[0] != other.heartbeat_at:
                self._beats[name] = (other.heartbeat_at, now)
            if await self._storage.liveness.lives(name):
                self._silent_since.pop(name, None)
                if self._own_beat - self._beats[name][1] > self._lease_seconds:
                    await self._cut_off(name)
            elif now - self._silent_since.setdefault(name, now) >= _LOOK_SECONDS:
                await self.take_over(name)
        known = {other.worker_id for other in others}
        for gone in self._beats.keys() - known:
            del self._beats[gone]

    async def _cut_off(self, worker_id: str) -> None:
        logger.error("worker does not turn any more, cutting it off", extra={"worker": worker_id})
        await self._storage.workers.cut_off(worker_id)
        await self.take_over(worker_id)

    async def _beat(self) -> None:
        lives = await self._storage.workers.beat(self._storage.identity.worker_id)
        before, self._own_beat = self._own_beat, time.monotonic()
        if self._own_beat - before > _SILENT_SECONDS:
            # Whatever kept this one silent may have kept them.
            self._beats = {name: (at, self._own_beat) for name, (at, _) in self._beats.items()}
        if lives:
            return
        logger.error("this worker was taken for dead; its runs are stopped and it starts anew")
        self._in_flight.stop_all("ownership")
        await self._storage.become_another()

    async def _stop_cancelled(self) -> None:
        if not any(handle.is_durable for handle in self._in_flight.handles):
            return
        mine = self._storage.identity.worker_id
        for run_id, action in await self._storage.runs.list_cancelled(mine):
            handle = self._in_flight.find(run_id)
            if handle is not None:
                handle.stop("rollback" if action == "rollback" else "cancelled")

    async def _prune(self) -> None:
        now = datetime.now(UTC)
        for expired in await self._storage.records.list_expired(now, _PRUNE_AT_ONCE):
            fence = await self._storage.ownership.hold(expired.thread_id)
            if fence is None:
                continue
            step, again = self._retention.plan(
                expired.ttl, expired.updated_at, now, waits=expired.status == "interrupted"
            )
            try:
                if step == "delete":
                    await self._storage.forget_thread(expired.thread_id)
                elif step == "keep_latest":
                    await self._storage.keep_latest(expired.thread_id)
            finally:
                await self._storage.records.set_expiry(expired.thread_id, again)
                await self._storage.ownership.let_go(fence)
        await self._storage.runs.prune(now - self._retention.events, _EVENTS_AT_ONCE)

    async def _count(self) -> None:
        mine = list(self._graphs.slots)
        waiting = await self._storage.runs.count_waiting(mine)
        parked = await self._storage.wakes.count_parked(mine, datetime.now(UTC))
        for name in mine:
            self._metrics.runs_counted(name, waiting.get(name, 0), parked.get(name, Parked()))


async def repeat(duty: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do something again and again, whatever becomes of it, until cancelled."""
    while True:
        try:
            await duty()
        except DATABASE_ERRORS as error:
            logger.warning("database not in reach: %s: %s", type(error).__name__, error)
            await asyncio.sleep(seconds)
        except Exception:
            # The other duties, and the next turn of this one, are still to be done.
            logger.exception("a duty failed")
        await asyncio.sleep(seconds)
