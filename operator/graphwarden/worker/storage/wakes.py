"""Parked threads whose time has come: each is woken once, by whichever worker has room."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.metrics import Parked
from graphwarden.worker.runs import Run, start_run
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.fence import Fence
from graphwarden.worker.storage.hands import Owned
from graphwarden.worker.storage.rows import make_run_row, read_thread
from graphwarden.worker.storage.tables import runs, threads
from graphwarden.worker.storage.workers import Identity
from graphwarden.worker.threads import Thread

MakeRun = Callable[[Thread, str, datetime], Run]


class Wakes:
    """Takes threads that are due."""

    def __init__(self, engine: AsyncEngine, identity: Identity) -> None:
        self._engine = engine
        self._reading = make_reading(engine)
        self._identity = identity

    async def claim(
        self, graphs: Collection[str], limit: int, now: datetime, make_run: MakeRun
    ) -> list[Owned]:
        """Own up to `limit` threads that are due, each with a run that wakes it.

        The wake-up and the run are one transaction: there is never one without the other.
        """
        due = (
            threads.c.wake_graph.in_(graphs),
            threads.c.wake_at <= now,
            threads.c.owner.is_(None),
        )
        if limit <= 0 or not graphs:
            return []
        async with self._reading.connect() as connection:
            if (await connection.execute(select(threads.c.thread_id).where(*due))).first() is None:
                return []
        query: Any = select(threads).where(*due).order_by(threads.c.wake_at).limit(limit)
        owned = []
        async with self._engine.begin() as connection:
            rows = (await connection.execute(query.with_for_update(skip_locked=True))).all()
            for row in rows:
                thread = read_thread(row)
                run = start_run(
                    make_run(thread, row.wake_graph, now), self._identity.worker_id, now
                )
                run = replace(run, started_at=now)
                await connection.execute(insert(runs).values(make_run_row(run)))
                await connection.execute(
                    update(threads)
                    .where(threads.c.thread_id == thread.thread_id)
                    .values(
                        owner=self._identity.worker_id,
                        fence=row.fence + 1,
                        wake_at=None,
                        status="busy",
                        updated_at=now,
                    )
                )
                owned.append(Owned(run, Fence(thread.thread_id, row.fence + 1)))
        return owned

    async def count_parked(self, graphs: Collection[str], now: datetime) -> dict[str, Parked]:
        """Threads that wait for their time, and those whose time has come, by graph."""
        due = case((threads.c.wake_at <= now, 1), else_=0)
        query = (
            select(threads.c.wake_graph, func.count(), func.sum(due), func.min(threads.c.wake_at))
            .where(threads.c.wake_graph.in_(graphs), threads.c.wake_at.is_not(None))
            .group_by(threads.c.wake_graph)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return {
            graph: Parked(count, int(late), max(0.0, (now - first).total_seconds()))
            for graph, count, late, first in rows
        }
