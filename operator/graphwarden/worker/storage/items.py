"""The fleet's store of items: LangGraph's own, on the fleet's database."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.store.base import BaseStore, TTLConfig
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.sqlite.aio import AsyncSqliteStore
from psycopg_pool import AsyncConnectionPool

from graphwarden.worker.storage.engines import Synchronous, make_pragmas

# Items live for as long as they say; without a word, for ever.
_TTL: TTLConfig = {"refresh_on_read": True, "default_ttl": None, "sweep_interval_minutes": 5}


async def open_sqlite_items(
    path: Path, resources: AsyncExitStack, synchronous: Synchronous
) -> BaseStore:
    """A store with a connection of its own; the caller holds the migration lock."""
    connection = await resources.enter_async_context(aiosqlite.connect(path, isolation_level=None))
    for pragma in make_pragmas(synchronous):
        await connection.execute(pragma)
    store = AsyncSqliteStore(connection, ttl=_TTL)
    await store.setup()
    return await _keep(store, resources)


async def open_postgres_items(
    pool: AsyncConnectionPool[Any], resources: AsyncExitStack
) -> BaseStore:
    """A store that shares the pool of the checkpoints; the caller holds the migration lock."""
    store = AsyncPostgresStore(pool, ttl=_TTL)
    await store.setup()
    return await _keep(store, resources)


async def _keep(
    store: AsyncSqliteStore | AsyncPostgresStore, resources: AsyncExitStack
) -> BaseStore:
    await store.start_ttl_sweeper()
    resources.push_async_callback(store.stop_ttl_sweeper, 1.0)
    return store
