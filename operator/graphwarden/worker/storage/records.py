"""Threads as rows: plain reads and writes, each in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.encoding import dumps_for_database
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.fence import Fence, FencedOff
from graphwarden.worker.storage.rows import make_thread_row, read_thread
from graphwarden.worker.storage.tables import events, runs, threads
from graphwarden.worker.threads import SORT_KEYS, Thread, ThreadQuery, ThreadStatus


@dataclass(frozen=True, slots=True)
class Expired:
    """A thread whose time is over, and what its owner wished for then; None: the default."""

    thread_id: str
    ttl: dict[str, Any] | None
    updated_at: datetime
    status: str


class Records:
    """The table of threads."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite would otherwise take the write lock for a read.
        self._reading = make_reading(engine)

    async def fetch_thread(self, thread_id: str) -> Thread | None:
        """The thread, or None."""
        async with self._reading.connect() as connection:
            return await _fetch_thread(connection, thread_id)

    async def find_waiting(self, thread_id: str) -> str | None:
        """The span that waits for the thread's answer, as a `traceparent` header."""
        query = select(threads.c.waits_in).where(threads.c.thread_id == thread_id)
        async with self._reading.connect() as connection:
            return (await connection.execute(query)).scalar()

    async def create_thread(self, thread_id: str, metadata: dict[str, Any]) -> Thread | None:
        """A new thread, or None when the id is taken."""
        now = datetime.now(UTC)
        thread = Thread(thread_id, now, now, now, metadata)
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(threads).values(make_thread_row(thread)))
        except IntegrityError:
            return None
        return thread

    async def copy_thread(self, source: Thread, target: str) -> Thread:
        """A new thread that looks like another, idle."""
        now = datetime.now(UTC)
        thread = replace(
            source,
            thread_id=target,
            created_at=now,
            updated_at=now,
            state_updated_at=now,
            status="interrupted" if source.interrupts else "idle",
            error=None,
        )
        async with self._engine.begin() as connection:
            await connection.execute(insert(threads).values(make_thread_row(thread)))
        return thread

    async def merge_thread_metadata(
        self, thread_id: str, metadata: dict[str, Any]
    ) -> Thread | None:
        """The thread with these keys added to its metadata, or None when there is none."""
        async with self._engine.begin() as connection:
            thread = await _fetch_thread(connection, thread_id, for_update=True)
            if thread is None:
                return None
            changed = {**thread.metadata, **metadata}
            await _update_thread(connection, thread_id, thread_metadata=changed)
            return await _fetch_thread(connection, thread_id)

    async def delete_thread(self, thread_id: str) -> bool:
        """Remove the thread and its runs; False when there was none."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(runs).where(runs.c.thread_id == thread_id))
            await connection.execute(delete(events).where(events.c.thread_id == thread_id))
            gone = await connection.execute(delete(threads).where(threads.c.thread_id == thread_id))
            return gone.rowcount > 0

    async def search_threads(self, query: ThreadQuery) -> tuple[list[Thread], int]:
        """One page of the threads that match, and how many match in all."""
        conditions = self._conditions(query)
        column = threads.c[query.sort_by if query.sort_by in SORT_KEYS else "created_at"]
        order = column.desc() if query.descending else column.asc()
        page: Select[Any] = (
            select(threads)
            .where(*conditions)
            .order_by(order, threads.c.thread_id)
            .limit(query.limit)
            .offset(query.offset)
        )
        async with self._reading.connect() as connection:
            found = (await connection.execute(page)).all()
            counting = select(func.count()).select_from(threads).where(*conditions)
            total = (await connection.execute(counting)).scalar_one()
        return [read_thread(row) for row in found], total

    async def set_thread_state(
        self,
        fence: Fence,
        status: ThreadStatus,
        values: Any,
        interrupts: dict[str, Any],
        wake: tuple[datetime | None, str],
    ) -> None:
        """What the thread looks like after somebody edited its state, under that hold.

        Raises:
            FencedOff: the thread was taken over meanwhile.
        """
        now = datetime.now(UTC)
        changes = {
            "status": status,
            "thread_values": values,
            "interrupts": interrupts,
            "state_updated_at": now,
            "updated_at": now,
            "wake_at": wake[0],
            "wake_graph": wake[1],
        }
        held = (threads.c.thread_id == fence.thread_id, threads.c.fence == fence.token)
        async with self._engine.begin() as connection:
            changed = await connection.execute(update(threads).where(*held).values(changes))
            if not changed.rowcount:
                raise FencedOff(fence.thread_id)

    async def count_threads(self, query: ThreadQuery) -> int:
        """How many threads match."""
        counting = select(func.count()).select_from(threads).where(*self._conditions(query))
        async with self._reading.connect() as connection:
            return (await connection.execute(counting)).scalar_one()

    async def set_ttl(self, thread_id: str, ttl: dict[str, Any], expires_at: datetime) -> None:
        """For how long the thread is kept."""
        async with self._engine.begin() as connection:
            await _update_thread(connection, thread_id, ttl=ttl, expires_at=expires_at)

    async def list_expired(self, now: datetime, limit: int) -> list[Expired]:
        """Threads that nobody owns and whose time is over, the longest overdue first."""
        query = (
            select(threads.c.thread_id, threads.c.ttl, threads.c.updated_at, threads.c.status)
            .where(threads.c.expires_at <= now, threads.c.owner.is_(None))
            .order_by(threads.c.expires_at)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            return [Expired(*row) for row in await connection.execute(query)]

    async def set_expiry(self, thread_id: str, expires_at: datetime | None) -> None:
        """When the thread is looked at again."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(threads)
                .where(threads.c.thread_id == thread_id)
                .values(expires_at=expires_at)
            )

    def _conditions(self, query: ThreadQuery) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if query.ids is not None:
            conditions.append(threads.c.thread_id.in_(query.ids))
        if query.status is not None:
            conditions.append(threads.c.status == query.status)
        for column, wanted in (
            ("thread_metadata", query.metadata),
            ("thread_values", query.values),
        ):
            for key, value in wanted.items():
                conditions.append(self._holds(column, key, value))
        return conditions

    def _holds(self, column: str, key: str, value: Any) -> ColumnElement[bool]:
        """Whether the JSON object of a column holds this value at this key."""
        if self._engine.dialect.name == "postgresql":
            return threads.c[column].op("@>")({key: value})
        path = '$."' + key.replace('"', "") + '"'
        found: ColumnElement[Any] = func.json_extract(threads.c[column], path)
        if isinstance(value, dict | list):
            return found == func.json(_json_text(value))
        if value is None:
            return func.json_type(threads.c[column], path) == "null"
        matches: ColumnElement[bool] = found == value
        return matches


def _json_text(value: Any) -> str:
    return dumps_for_database(value)


async def _fetch_thread(
    connection: AsyncConnection, thread_id: str, *, for_update: bool = False
) -> Thread | None:
    query = select(threads).where(threads.c.thread_id == thread_id)
    if for_update:
        query = query.with_for_update()
    row = (await connection.execute(query)).first()
    return read_thread(row) if row is not None else None


async def _update_thread(connection: AsyncConnection, thread_id: str, **values: Any) -> None:
    changed = {"updated_at": datetime.now(UTC), **values}
    await connection.execute(
        update(threads).where(threads.c.thread_id == thread_id).values(changed)
    )
