"""The workers on a database: who they are, that they live, and what they leave behind."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select, text, union, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.runs import make_pause
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.tables import runs, threads, workers

_LOST = "the worker went away while the run was under way, and its graph is not resumable"


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker, as the database knows it."""

    worker_id: str
    address: str
    heartbeat_at: datetime


class Identity:
    """Who this worker is to the others. A worker that was taken for dead takes a new name."""

    def __init__(self, address: str, capability: str) -> None:
        self.address = address
        self.capability = capability
        self._process = uuid.uuid4().hex
        self._lives = 1

    @property
    def worker_id(self) -> str:
        """The name in `owner` and `worker` columns."""
        return f"{self._process}-{self._lives}"

    @property
    def application_name(self) -> str:
        """What PostgreSQL calls each connection of this process."""
        return make_application_name(self.worker_id)

    def renew(self) -> None:
        """Be somebody else from now on."""
        self._lives += 1


def make_application_name(worker_id: str) -> str:
    """The same for all names that one process ever had."""
    return f"graphwarden-{worker_id.split('-')[0]}"


class Workers:
    """The table of workers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = make_reading(engine)
        self._is_postgres = engine.dialect.name == "postgresql"

    async def register(self, identity: Identity) -> None:
        """A worker that has just started."""
        now = datetime.now(UTC)
        row = {
            "worker_id": identity.worker_id,
            "address": identity.address,
            "capability": identity.capability,
            "started_at": now,
            "heartbeat_at": now,
        }
        async with self._engine.begin() as connection:
            await connection.execute(insert(workers).values(row))

    async def beat(self, worker_id: str) -> bool:
        """Show that the worker still turns; False when it was declared dead meanwhile."""
        async with self._engine.begin() as connection:
            changed = await connection.execute(
                update(workers)
                .where(workers.c.worker_id == worker_id)
                .values(heartbeat_at=datetime.now(UTC))
            )
            return changed.rowcount > 0

    async def find_address(self, worker_id: str) -> str | None:
        """Where a worker can be called, or None when there is no such worker."""
        query = select(workers.c.address).where(workers.c.worker_id == worker_id)
        async with self._reading.connect() as connection:
            return (await connection.execute(query)).scalar()

    async def list_others(self, worker_id: str) -> list[WorkerRow]:
        """All other workers, and those that are named by what they left behind."""
        known = select(workers.c.worker_id, workers.c.address, workers.c.heartbeat_at)
        named = union(
            select(threads.c.owner.label("id")).where(threads.c.owner.is_not(None)),
            select(runs.c.worker.label("id")).where(
                runs.c.worker.is_not(None), runs.c.status.in_(("pending", "running"))
            ),
        )
        async with self._reading.connect() as connection:
            found = {row.worker_id: WorkerRow(*row) for row in await connection.execute(known)}
            for (name,) in await connection.execute(named):
                found.setdefault(name, WorkerRow(name, "", datetime.fromtimestamp(0, UTC)))
        found.pop(worker_id, None)
        return list(found.values())

    async def take_over(self, worker_id: str) -> int | None:
        """Free all that a dead worker owned: its runs wait for others.

        A run that cannot go on from a checkpoint ends here: it may have done its work.

        Returns:
            How many runs wait for others now; None when somebody else was faster.
        """
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            owned = select(threads.c.thread_id).where(threads.c.owner == worker_id)
            names = list((await connection.execute(owned.with_for_update())).scalars())
            if self._is_postgres:
                await connection.execute(text("SET LOCAL lock_timeout = '3s'"))
                for name in sorted(names):
                    # Writes of the dead that the server still works on end first.
                    key = func.hashtextextended(name, 7)
                    await connection.execute(select(func.pg_advisory_xact_lock(key)))
            await connection.execute(
                update(threads)
                .where(threads.c.owner == worker_id)
                .values(owner=None, fence=threads.c.fence + 1)
            )
            theirs = runs.c.worker == worker_id
            ended = await connection.execute(
                update(runs)
                .where(theirs, runs.c.status == "running", runs.c.resumable.is_(False))
                .values(
                    status="error",
                    worker=None,
                    updated_at=now,
                    error={"error": "WorkerLost", "message": _LOST},
                )
                .returning(runs.c.thread_id)
            )
            await _mark_failed(connection, [row[0] for row in ended], now)
            getting_nowhere = select(runs.c.run_id, runs.c.stalls).where(
                theirs, runs.c.status == "running", runs.c.stalls > 0
            )
            stalled = (await connection.execute(getting_nowhere)).all()
            freed = await connection.execute(
                update(runs)
                .where(theirs, runs.c.status.in_(("pending", "running")))
                .values(status="pending", worker=None, orphaned=True, updated_at=now)
            )
            for run_id, stalls in stalled:
                later = now + make_pause(stalls)
                await connection.execute(
                    update(runs).where(runs.c.run_id == run_id).values(not_before=later)
                )
            gone = await connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
        return freed.rowcount if gone.rowcount or freed.rowcount or names else None

    async def cut_off(self, worker_id: str) -> None:
        """End the connections of a worker that holds its lock and does not turn any more."""
        if self._is_postgres:
            statement = text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = :name"
            )
            async with self._reading.connect() as connection:
                await connection.execute(statement, {"name": make_application_name(worker_id)})

    async def forget(self, worker_id: str) -> None:
        """A worker that ended in good order."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(workers).where(workers.c.worker_id == worker_id))


async def _mark_failed(
    connection: AsyncConnection, thread_ids: Collection[str], now: datetime
) -> None:
    if thread_ids:
        error = {"error": "WorkerLost", "message": _LOST}
        await connection.execute(
            update(threads)
            .where(threads.c.thread_id.in_(thread_ids))
            .values(status="error", error=error, updated_at=now)
        )
