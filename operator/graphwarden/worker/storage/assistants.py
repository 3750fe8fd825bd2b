"""API-made assistants as rows, each with all of its versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.api.assistants import AssistantQuery, Window
from graphwarden.worker.assistants import Assistant, AssistantChange
from graphwarden.worker.encoding import dumps_for_database
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.tables import assistant_versions, assistants, crons

_TEXTS = frozenset({"assistant_id", "graph_id", "name"})


class AssistantRecords:
    """The assistants of one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite would otherwise take the write lock for a read.
        self._reading = make_reading(engine)

    async def fetch(self, assistant_id: str) -> Assistant | None:
        """The assistant, or None."""
        async with self._reading.connect() as connection:
            return await _fetch(connection, assistant_id)

    async def create(self, assistant: Assistant) -> bool:
        """Store a new one; False when the id is taken."""
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(assistants).values(_make_row(assistant)))
                await _add_version(connection, assistant, assistant.created_at)
        except IntegrityError:
            return False
        return True

    async def change(self, assistant_id: str, change: AssistantChange) -> Assistant | None:
        """The assistant after the change, as a new version of it, or None when there is none."""
        async with self._engine.begin() as connection:
            found = await _fetch(connection, assistant_id, for_update=True)
            if found is None:
                return None
            now = datetime.now(UTC)
            version = await _count_versions(connection, assistant_id) + 1
            changed = replace(change.apply(found), version=version, updated_at=now)
            await _update(connection, changed)
            await _add_version(connection, changed, now)
        return changed

    async def set_latest(self, assistant_id: str, version: int) -> Assistant | None:
        """The assistant as it was in that version, or None when there is no such version."""
        async with self._engine.begin() as connection:
            found = await _fetch(connection, assistant_id, for_update=True)
            if found is None:
                return None
            query = select(assistant_versions).where(
                assistant_versions.c.assistant_id == assistant_id,
                assistant_versions.c.version == version,
            )
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            past = _read(row, updated_at=datetime.now(UTC))
            chosen = replace(past, created_at=found.created_at)
            await _update(connection, chosen)
        return chosen

    async def list_versions(
        self, assistant_id: str, metadata: Mapping[str, Any], limit: int, offset: int
    ) -> list[Assistant] | None:
        """One page of its versions, the newest first, or None when there is no such assistant."""
        query = (
            select(assistant_versions)
            .where(
                assistant_versions.c.assistant_id == assistant_id,
                *self._holds(assistant_versions, metadata),
            )
            .order_by(assistant_versions.c.version.desc())
        )
        async with self._reading.connect() as connection:
            if await _fetch(connection, assistant_id) is None:
                return None
            rows = (await connection.execute(query.limit(limit).offset(offset))).all()
        return [_read(row, updated_at=row.created_at) for row in rows]

    async def delete(self, assistant_id: str) -> bool:
        """Remove it with its versions and its crons; False when there was none."""
        async with self._engine.begin() as connection:
            for table in (assistant_versions, crons):
                await connection.execute(delete(table).where(table.c.assistant_id == assistant_id))
            gone = await connection.execute(
                delete(assistants).where(assistants.c.assistant_id == assistant_id)
            )
            return gone.rowcount > 0

    async def search(self, query: AssistantQuery, window: Window) -> tuple[list[Assistant], int]:
        """The part of those that match, in the order asked for, and how many match in all."""
        column: ColumnElement[Any] = assistants.c[query.sort_by]
        by_id: ColumnElement[Any] = assistants.c.assistant_id
        if self._engine.dialect.name == "postgresql":
            # By code points, as those who merge these with default assistants sort.
            by_id = by_id.collate("C")
            column = column.collate("C") if query.sort_by in _TEXTS else column
        order = column.desc() if query.descending else column.asc()
        page = select(assistants).where(*self._conditions(query)).order_by(order, by_id)
        async with self._reading.connect() as connection:
            rows = (await connection.execute(page.limit(window.limit).offset(window.offset))).all()
            total = await self._count(connection, query)
        return [_read(row) for row in rows], total

    async def count(self, query: AssistantQuery) -> int:
        """How many match."""
        async with self._reading.connect() as connection:
            return await self._count(connection, query)

    async def _count(self, connection: AsyncConnection, query: AssistantQuery) -> int:
        counting = select(func.count()).select_from(assistants).where(*self._conditions(query))
        total: int = (await connection.execute(counting)).scalar_one()
        return total

    def _conditions(self, query: AssistantQuery) -> list[ColumnElement[bool]]:
        conditions = self._holds(assistants, query.metadata)
        if query.graph_id is not None:
            conditions.append(assistants.c.graph_id == query.graph_id)
        if query.name is not None:
            name = func.lower(assistants.c.name)
            conditions.append(name.contains(query.name.lower(), autoescape=True))
        return conditions

    def _holds(self, table: Table, wanted: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        """Whether the metadata holds these values at these keys."""
        column = table.c.assistant_metadata
        if self._engine.dialect.name == "postgresql":
            return [column.op("@>")(dict(wanted))] if wanted else []
        conditions: list[ColumnElement[bool]] = []
        for key, value in wanted.items():
            path = '$."' + key.replace('"', "") + '"'
            found: ColumnElement[Any] = func.json_extract(column, path)
            if isinstance(value, dict | list):
                conditions.append(found == func.json(dumps_for_database(value)))
            elif value is None:
                conditions.append(func.json_type(column, path) == "null")
            else:
                conditions.append(found == value)
        return conditions


async def _fetch(
    connection: AsyncConnection, assistant_id: str, *, for_update: bool = False
) -> Assistant | None:
    query = select(assistants).where(assistants.c.assistant_id == assistant_id)
    row = (await connection.execute(query.with_for_update() if for_update else query)).first()
    return _read(row) if row is not None else None


async def _count_versions(connection: AsyncConnection, assistant_id: str) -> int:
    newest = select(func.max(assistant_versions.c.version))
    query = newest.where(assistant_versions.c.assistant_id == assistant_id)
    return (await connection.execute(query)).scalar_one() or 0


async def _update(connection: AsyncConnection, assistant: Assistant) -> None:
    row = _make_row(assistant)
    await connection.execute(
        update(assistants).where(assistants.c.assistant_id == assistant.assistant_id).values(row)
    )


async def _add_version(
    connection: AsyncConnection, assistant: Assistant, created_at: datetime
) -> None:
    row = {**_make_row(assistant), "created_at": created_at}
    del row["updated_at"]
    await connection.execute(insert(assistant_versions).values(row))


def _make_row(assistant: Assistant) -> dict[str, Any]:
    return {
        "assistant_id": assistant.assistant_id,
        "version": assistant.version,
        "graph_id": assistant.graph_id,
        "name": assistant.name,
        "description": assistant.description,
        "config": assistant.config,
        "context": assistant.context,
        "assistant_metadata": assistant.metadata,
        "created_at": assistant.created_at,
        "updated_at": assistant.updated_at,
    }


def _read(row: Row[Any], **more: Any) -> Assistant:
    return Assistant(**{**row._mapping, **more})
