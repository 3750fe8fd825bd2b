"""Insert a row unless its unique key is there already, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.columns import Base


async def insert_once(session: AsyncSession, table: type[Base], **values: Any) -> bool:
    """Whether the row is new. One that is there, by any unique key, stays as it is."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    once = insert.values(**values).on_conflict_do_nothing().returning(literal(1))
    return (await session.execute(once)).first() is not None
