"""Runs as rows: reading them, and stopping those that nobody has begun."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.runs import Run
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.rows import read_run
from graphwarden.worker.storage.tables import events, runs

_OPEN = ("pending", "running")


class RunRecords:
    """The table of runs."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = make_reading(engine)

    async def fetch_run(self, thread_id: str, run_id: str) -> Run | None:
        """The run, or None."""
        query = select(runs).where(runs.c.thread_id == thread_id, runs.c.run_id == run_id)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).first()
        return read_run(row) if row is not None else None

    async def find_run(self, run_id: str) -> Run | None:
        """The run, whatever its thread."""
        async with self._reading.connect() as connection:
            row = (await connection.execute(select(runs).where(runs.c.run_id == run_id))).first()
        return read_run(row) if row is not None else None

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
        return [read_run(row) for row in found]

    async def list_open(
        self,
        *,
        thread_id: str | None = None,
        run_ids: Collection[str] | None = None,
        statuses: Collection[str] = _OPEN,
    ) -> list[Run]:
        """Runs that have not ended."""
        query = select(runs).where(runs.c.status.in_(statuses))
        if thread_id is not None:
            query = query.where(runs.c.thread_id == thread_id)
        if run_ids is not None:
            query = query.where(runs.c.run_id.in_(run_ids))
        async with self._reading.connect() as connection:
            return [read_run(row) for row in await connection.execute(query)]

    async def stop(self, run_ids: Collection[str], action: str) -> list[Run]:
        """Stop what has not begun, and ask the others to stop. Returns those that run.

        Args:
            run_ids: which runs.
            action: `interrupt` or `rollback`.
        """
        these = runs.c.run_id.in_(run_ids)
        async with self._engine.begin() as connection:
            waiting = (these, runs.c.status == "pending")
            if action == "rollback":
                await connection.execute(delete(runs).where(*waiting))
            else:
                await connection.execute(
                    update(runs)
                    .where(*waiting)
                    .values(status="interrupted", worker=None, updated_at=datetime.now(UTC))
                )
            await connection.execute(
                update(runs).where(these, runs.c.status == "running").values(cancel=action)
            )
            found = await connection.execute(select(runs).where(these, runs.c.status == "running"))
            return [read_run(row) for row in found]

    async def keep_events(self, run_id: str) -> bool:
        """Have a run that has not begun keep its events; False when it is too late for that."""
        this = (runs.c.run_id == run_id, runs.c.status == "pending", runs.c.started_at.is_(None))
        async with self._engine.begin() as connection:
            query = select(runs.c.kwargs).where(*this).with_for_update()
            kwargs = (await connection.execute(query)).scalar()
            if kwargs is None:
                return False
            await connection.execute(
                update(runs).where(*this).values(kwargs={**kwargs, "stream_resumable": True})
            )
            return True

    async def close(self, run_id: str, status: str, error: dict[str, str] | None) -> None:
        """End a waiting run whose answer another run gave."""
        changes = {
            "status": status,
            "error": error,
            "worker": None,
            "updated_at": datetime.now(UTC),
        }
        async with self._engine.begin() as connection:
            await connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.status == "pending")
                .values(changes)
            )

    async def list_cancelled(self, worker_id: str) -> list[tuple[str, str]]:
        """Run ids of this worker that somebody wants to stop, and how."""
        query = select(runs.c.run_id, runs.c.cancel).where(
            runs.c.worker == worker_id, runs.c.status == "running", runs.c.cancel.is_not(None)
        )
        async with self._reading.connect() as connection:
            return [(row.run_id, row.cancel) for row in await connection.execute(query)]

    async def delete_run(self, run_id: str) -> bool:
        """Remove an ended run and its events; False when there was none."""
        async with self._engine.begin() as connection:
            gone = await connection.execute(
                delete(runs).where(runs.c.run_id == run_id, runs.c.status.not_in(_OPEN))
            )
            if gone.rowcount:
                await connection.execute(delete(events).where(events.c.run_id == run_id))
            return gone.rowcount > 0

    async def count_waiting(self, graphs: Collection[str]) -> dict[str, int]:
        """How many runs of these graphs wait, by graph."""
        query = (
            select(runs.c.graph_id, func.count())
            .where(runs.c.status == "pending", runs.c.graph_id.in_(graphs))
            .group_by(runs.c.graph_id)
        )
        async with self._reading.connect() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def prune(self, before: datetime, limit: int) -> int:
        """Forget events of runs that ended long ago."""
        old = select(events.c.thread_id, events.c.seq).where(events.c.created_at < before)
        async with self._engine.begin() as connection:
            keys = (await connection.execute(old.limit(limit))).all()
            for thread_id, seq in keys:
                await connection.execute(
                    delete(events).where(events.c.thread_id == thread_id, events.c.seq == seq)
                )
            return len(keys)
