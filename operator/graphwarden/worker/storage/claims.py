"""Taking runs that wait: the oldest of each thread that nobody owns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.runs import start_run
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.hands import Owned, due, has_a_turn, own_thread
from graphwarden.worker.storage.rows import make_run_row, read_run
from graphwarden.worker.storage.tables import runs, threads
from graphwarden.worker.storage.workers import Identity


class Claims:
    """Claims of one worker: two of them never get the same run."""

    def __init__(self, engine: AsyncEngine, identity: Identity) -> None:
        self._identity = identity
        self._engine = engine
        self._reading = make_reading(engine)

    async def claim(self, graphs: Collection[str], limit: int) -> list[Owned]:
        """Runs of these graphs that nobody waits for."""
        return await self._claim_where(runs.c.worker.is_(None), graphs, limit)

    async def claim_for(self, graphs: Collection[str], thread_ids: Collection[str]) -> list[Owned]:
        """The next runs of threads for which callers wait here, whoever's runs they are."""
        here = runs.c.thread_id.in_(thread_ids)
        mine = or_(runs.c.worker.is_(None), runs.c.worker == self._identity.worker_id)
        return await self._claim_where(here & mine, graphs, len(thread_ids))

    async def _claim_where(
        self, condition: ColumnElement[bool], graphs: Collection[str], limit: int
    ) -> list[Owned]:
        now = datetime.now(UTC)
        earlier = runs.alias("earlier")
        query = (
            select(runs, threads.c.fence, threads.c.thread_metadata.label("known"))
            .join(threads, threads.c.thread_id == runs.c.thread_id)
            .where(
                runs.c.status == "pending",
                due(runs, now),
                runs.c.graph_id.in_(graphs),
                condition,
                threads.c.owner.is_(None),
                ~exists().where(
                    earlier.c.thread_id == runs.c.thread_id,
                    earlier.c.status == "pending",
                    has_a_turn(earlier, now),
                    earlier.c.run_id < runs.c.run_id,
                ),
            )
            .order_by(runs.c.run_id)
            .limit(limit)
        )
        # Looking takes no write lock; most looks find nothing.
        async with self._reading.connect() as connection:
            if (await connection.execute(query)).first() is None:
                return []
        locking = query.with_for_update(of=[threads, runs], skip_locked=True)
        async with self._engine.begin() as connection:
            found = (await connection.execute(locking)).all()
            return [await self._take(connection, row, now) for row in found]

    async def _take(self, connection: AsyncConnection, row: Any, now: datetime) -> Owned:
        waiting = read_run(row)
        started = start_run(waiting, self._identity.worker_id, now)
        started = replace(started, started_at=waiting.started_at or now)
        await connection.execute(
            update(runs).where(runs.c.run_id == started.run_id).values(make_run_row(started))
        )
        fence = await own_thread(
            connection,
            self._identity.worker_id,
            started.thread_id,
            row.fence,
            status="busy",
            thread_metadata={**row.known, **started.thread_metadata},
            wake_at=None,
            expires_at=None,
            updated_at=now,
        )
        return Owned(started, fence, fresh=waiting.started_at is None)
