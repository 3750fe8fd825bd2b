"""Threads and runs as rows: plain reads and writes, each in one transaction."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.encoding import dumps_for_database
from graphwarden.worker.runs import Run
from graphwarden.worker.storage.tables import runs, threads
from graphwarden.worker.threads import SORT_KEYS, Thread, ThreadQuery, ThreadStatus


class Records:
    """The two tables of one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite would otherwise take the write lock for a read.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def fetch_thread(self, thread_id: str) -> Thread | None:
        """The thread, or None."""
        async with self._reading.connect() as connection:
            return await _fetch_thread(connection, thread_id)

    async def create_thread(self, thread_id: str, metadata: dict[str, Any]) -> Thread | None:
        """A new thread, or None when the id is taken."""
        now = datetime.now(UTC)
        thread = Thread(thread_id, now, now, now, metadata)
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(threads).values(_thread_row(thread)))
        except IntegrityError:
            return None
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
        return [_read_thread(row) for row in found], total

    async def set_thread_state(
        self, thread_id: str, status: ThreadStatus, values: Any, interrupts: dict[str, Any]
    ) -> None:
        """What the thread looks like after somebody edited its state."""
        async with self._engine.begin() as connection:
            await _update_thread(
                connection,
                thread_id,
                status=status,
                thread_values=values,
                interrupts=interrupts,
                state_updated_at=datetime.now(UTC),
            )

    async def fetch_running(self, thread_id: str) -> Run | None:
        """The run that is under way on the thread, or was when its worker died."""
        under_way = runs.c.status.in_(("pending", "running"))
        query = select(runs).where(runs.c.thread_id == thread_id, under_way)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query.order_by(runs.c.created_at).limit(1))).first()
        return _read_run(row) if row is not None else None

    async def fetch_run(self, thread_id: str, run_id: str) -> Run | None:
        """The run, or None."""
        query = select(runs).where(runs.c.thread_id == thread_id, runs.c.run_id == run_id)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).first()
        return _read_run(row) if row is not None else None

    async def list_runs(
        self, thread_id: str, limit: int, offset: int, status: str | None
    ) -> list[Run]:
        """The thread's runs, newest first."""
        query = select(runs).where(runs.c.thread_id == thread_id)
        if status is not None:
            query = query.where(runs.c.status == status)
        query = query.order_by(runs.c.created_at.desc(), runs.c.run_id.desc())
        async with self._reading.connect() as connection:
            found = (await connection.execute(query.limit(limit).offset(offset))).all()
        return [_read_run(row) for row in found]

    async def record_start(self, run: Run, thread_metadata: dict[str, Any]) -> None:
        """The run is under way: its row, for the first time or again, and the thread's."""
        row = _run_row(run)
        async with self._engine.begin() as connection:
            changed = await connection.execute(
                update(runs).where(runs.c.run_id == run.run_id).values(row)
            )
            if not changed.rowcount:
                await connection.execute(insert(runs).values(row))
            thread = await _fetch_thread(connection, run.thread_id, for_update=True)
            if thread is not None:
                merged = {**thread.metadata, **thread_metadata}
                await _update_thread(
                    connection, run.thread_id, status="busy", thread_metadata=merged
                )

    async def record_end(
        self,
        run: Run,
        status: ThreadStatus,
        values: Any,
        interrupts: dict[str, Any],
        error: dict[str, str] | None,
    ) -> None:
        """The run is over, and this is what it left on its thread."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(runs).where(runs.c.run_id == run.run_id).values(_run_row(run))
            )
            await _update_thread(
                connection,
                run.thread_id,
                status=status,
                thread_values=values,
                interrupts=interrupts,
                error=error,
                state_updated_at=datetime.now(UTC),
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
    return _read_thread(row) if row is not None else None


async def _update_thread(connection: AsyncConnection, thread_id: str, **values: Any) -> None:
    changed = {"updated_at": datetime.now(UTC), **values}
    await connection.execute(
        update(threads).where(threads.c.thread_id == thread_id).values(changed)
    )


def _thread_row(thread: Thread) -> dict[str, Any]:
    row = asdict(thread)
    row["thread_metadata"] = row.pop("metadata")
    row["thread_values"] = row.pop("values")
    return row


def _read_thread(row: Row[Any]) -> Thread:
    return Thread(**row._mapping)


def _run_row(run: Run) -> dict[str, Any]:
    row = asdict(run)
    row["run_metadata"] = row.pop("metadata")
    return row


def _read_run(row: Row[Any]) -> Run:
    return Run(**row._mapping)
