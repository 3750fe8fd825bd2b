"""Events that can be read again: each has a number of its own on its thread, growing strictly."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.fence import Fence, FencedOff
from graphwarden.worker.storage.tables import events, threads

_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event. `data` is JSON text, `timestamp` in milliseconds since the epoch."""

    seq: int
    run_id: str
    event: str
    data: str
    timestamp: int = 0


class EventLog:
    """The table of events."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = make_reading(engine)

    async def append(
        self, fence: Fence, run_id: str, batch: Sequence[tuple[str, str]]
    ) -> list[StoredEvent]:
        """Store a run's events under its fence, in order, and number them.

        Raises:
            FencedOff: the thread was taken over; nothing is stored.
        """
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            held = (threads.c.thread_id == fence.thread_id, threads.c.fence == fence.token)
            last = (
                await connection.execute(
                    update(threads)
                    .where(*held)
                    .values(event_seq=threads.c.event_seq + len(batch))
                    .returning(threads.c.event_seq)
                )
            ).scalar()
            if last is None:
                raise FencedOff(fence.thread_id)
            stored = [
                StoredEvent(last - len(batch) + 1 + n, run_id, event, data)
                for n, (event, data) in enumerate(batch)
            ]
            rows = [
                {
                    "thread_id": fence.thread_id,
                    "seq": item.seq,
                    "run_id": run_id,
                    "event": item.event,
                    "data": item.data,
                    "created_at": now,
                }
                for item in stored
            ]
            await connection.execute(insert(events), rows)
        return stored

    async def read_run(self, run_id: str, after: int, limit: int = 500) -> list[StoredEvent]:
        """The events of a run past a number, oldest first."""
        query = select(events).where(events.c.run_id == run_id, events.c.seq > after)
        return await self._read(query.order_by(events.c.seq).limit(limit))

    async def read_thread(self, thread_id: str, after: int, limit: int = 500) -> list[StoredEvent]:
        """The events of all runs of a thread past a number, oldest first."""
        query = select(events).where(events.c.thread_id == thread_id, events.c.seq > after)
        return await self._read(query.order_by(events.c.seq).limit(limit))

    async def find_last(self, thread_id: str) -> int:
        """The number of the thread's last event; 0 when it has none."""
        query = select(func.max(threads.c.event_seq)).where(threads.c.thread_id == thread_id)
        async with self._reading.connect() as connection:
            return (await connection.execute(query)).scalar() or 0

    async def find_last_of(self, thread_ids: Collection[str]) -> dict[str, int]:
        """The number of each thread's last event, of those that exist."""
        found: dict[str, int] = {}
        async with self._reading.connect() as connection:
            for ids in _cut(sorted(thread_ids)):
                query = select(threads.c.thread_id, threads.c.event_seq)
                rows = await connection.execute(query.where(threads.c.thread_id.in_(ids)))
                found.update((row.thread_id, row.event_seq) for row in rows)
        return found

    async def find_start(self, thread_id: str, seq: int) -> int:
        """The number of the first event of the run that an event belongs to.

        Of an event that is there no more, nothing is known: then that of the thread's first.
        """
        of_run = (
            select(events.c.run_id)
            .where(events.c.thread_id == thread_id, events.c.seq == seq)
            .scalar_subquery()
        )
        query = select(func.min(events.c.seq)).where(
            events.c.thread_id == thread_id, events.c.run_id == of_run
        )
        async with self._reading.connect() as connection:
            return (await connection.execute(query)).scalar() or 1

    async def _read(self, query: Select[Any]) -> list[StoredEvent]:
        async with self._reading.connect() as connection:
            return [
                StoredEvent(
                    row.seq,
                    row.run_id,
                    row.event,
                    row.data,
                    int(row.created_at.timestamp() * 1000),
                )
                for row in await connection.execute(query)
            ]


def _cut(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]
