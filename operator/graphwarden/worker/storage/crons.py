"""Crons as rows, and the moment when one is due: counted on and started in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.crons import Cron
from graphwarden.worker.runs import Run
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.hands import Busy
from graphwarden.worker.storage.matching import make_holds
from graphwarden.worker.storage.ownership import Ownership
from graphwarden.worker.storage.tables import crons

Start = Literal["started", "counted", "busy"]

_FIELDS = tuple(f.name for f in fields(Cron))


class CronRecords:
    """The table of crons."""

    def __init__(self, engine: AsyncEngine, ownership: Ownership) -> None:
        self._engine = engine
        self._ownership = ownership
        self._reading = make_reading(engine)

    async def create(self, cron: Cron) -> None:
        """Store a new one."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(crons).values(_make_row(cron)))

    async def fetch(self, cron_id: str) -> Cron | None:
        """The cron, or None."""
        async with self._reading.connect() as connection:
            found = await connection.execute(select(crons).where(crons.c.cron_id == cron_id))
            row = found.first()
        return _read(row) if row is not None else None

    async def change(self, cron: Cron) -> None:
        """Store it as it is now."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(crons).where(crons.c.cron_id == cron.cron_id).values(_make_row(cron))
            )

    async def delete(self, cron_id: str) -> bool:
        """Remove it; False when there was none."""
        async with self._engine.begin() as connection:
            gone = await connection.execute(delete(crons).where(crons.c.cron_id == cron_id))
            return gone.rowcount > 0

    async def search(
        self,
        wanted: Mapping[str, Any],
        *,
        limit: int,
        offset: int,
        sort_by: str,
        descending: bool,
    ) -> tuple[list[Cron], int]:
        """One page of those whose columns have these values, and how many there are."""
        conditions = self._conditions(wanted)
        column = crons.c["next_run_at" if sort_by == "next_run_date" else sort_by]
        page = select(crons).where(*conditions)
        page = page.order_by(column.desc() if descending else column.asc(), crons.c.cron_id)
        async with self._reading.connect() as connection:
            found = [
                _read(row) for row in await connection.execute(page.limit(limit).offset(offset))
            ]
        return found, await self.count(wanted)

    async def count(self, wanted: Mapping[str, Any]) -> int:
        """How many have these values."""
        query = select(func.count()).select_from(crons).where(*self._conditions(wanted))
        async with self._reading.connect() as connection:
            return (await connection.execute(query)).scalar_one()

    async def list_due(self, graphs: Collection[str], now: datetime, limit: int) -> list[Cron]:
        """Those of these graphs whose time has come."""
        query = (
            select(crons)
            .where(
                crons.c.enabled.is_(True),
                crons.c.next_run_at <= now,
                crons.c.graph_id.in_(graphs),
            )
            .order_by(crons.c.next_run_at)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            return [_read(row) for row in await connection.execute(query)]

    async def start(
        self, cron: Cron, next_run_at: datetime | None, run: Run | None
    ) -> Start | None:
        """Count on, and store the run, in one transaction; None when another worker was faster.

        Without a run it only counts on. A run whose thread is busy, and that says reject, is not
        stored.

        Raises:
            NoThread: the cron's thread is gone; nothing is stored.
        """
        # The run tells which graph its assistant is of today.
        graph_id = cron.graph_id if run is None else run.graph_id
        async with self._engine.begin() as connection:
            if not await _change_due(connection, cron, next_run_at=next_run_at, graph_id=graph_id):
                return None
            if run is None:
                return "counted"
            create = cron.thread_id is None
            begun = await self._ownership.begin_in(
                connection, run, create_thread=create, attached=False
            )
            return "busy" if isinstance(begun, Busy) else "started"

    async def disable(self, cron: Cron, now: datetime) -> bool:
        """One that is due and can never run; False when another worker was faster."""
        async with self._engine.begin() as connection:
            return await _change_due(
                connection, cron, next_run_at=None, enabled=False, updated_at=now
            )

    async def move(self, cron: Cron, graph_id: str) -> None:
        """Its assistant is of another graph by now: the workers of that one start it."""
        async with self._engine.begin() as connection:
            await _change_due(connection, cron, graph_id=graph_id)

    def _conditions(self, wanted: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        for name, value in wanted.items():
            if name == "metadata":
                dialect = self._engine.dialect.name
                found += make_holds(dialect, crons.c.cron_metadata, value or {})
            elif value is not None:
                found.append(crons.c[name] == value)
        return found


async def _change_due(connection: AsyncConnection, cron: Cron, **values: Any) -> bool:
    """Change one that is due as it was read; False when it is so no more."""
    changed = await connection.execute(
        update(crons)
        .where(
            crons.c.cron_id == cron.cron_id,
            crons.c.next_run_at == cron.next_run_at,
            crons.c.enabled.is_(True),
        )
        .values(values)
    )
    return changed.rowcount > 0


def _make_row(cron: Cron) -> dict[str, Any]:
    row = {name: getattr(cron, name) for name in _FIELDS}
    row["cron_metadata"] = row.pop("metadata")
    return row


def _read(row: Any) -> Cron:
    return Cron(**{name: row._mapping[name] for name in _FIELDS})
