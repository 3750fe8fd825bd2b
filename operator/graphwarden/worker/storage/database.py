"""Open a database: engine, schema, checkpointer and ownership, for SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.storage.assistants import AssistantRecords
from graphwarden.worker.storage.checkpoints import Checkpoints
from graphwarden.worker.storage.claims import Claims
from graphwarden.worker.storage.crons import CronRecords
from graphwarden.worker.storage.deliveries import Deliveries
from graphwarden.worker.storage.engines import (
    Synchronous,
    make_postgres_engine,
    make_pragmas,
    make_sqlite_engine,
)
from graphwarden.worker.storage.events import EventLog
from graphwarden.worker.storage.fence import Fence
from graphwarden.worker.storage.items import open_postgres_items, open_sqlite_items
from graphwarden.worker.storage.liveness import FileLiveness, Liveness, SessionLiveness, connect
from graphwarden.worker.storage.migrate import NewerSchema, migrate
from graphwarden.worker.storage.ownership import Ownership
from graphwarden.worker.storage.records import Records
from graphwarden.worker.storage.run_records import RunRecords
from graphwarden.worker.storage.savers.pacing import pace_langgraph
from graphwarden.worker.storage.savers.pool import make_pool
from graphwarden.worker.storage.savers.postgres import PostgresSaver
from graphwarden.worker.storage.savers.sqlite import SqliteSaver
from graphwarden.worker.storage.wakes import Wakes
from graphwarden.worker.storage.workers import Identity, Workers

DEFAULT_POOL_SIZE = 10
_MIGRATION_LOCK = "schema migration"
_MIGRATION_KEY = 0x67726170_68776172  # "graphwar", an advisory lock of its own


class StorageUnavailable(Exception):
    """The database cannot be used now; the text says why."""


@dataclass(frozen=True, slots=True)
class Storage:
    """An open database."""

    kind: str
    engine: AsyncEngine
    identity: Identity
    records: Records
    runs: RunRecords
    ownership: Ownership
    claims: Claims
    wakes: Wakes
    events: EventLog
    workers: Workers
    liveness: Liveness
    checkpoints: Checkpoints
    crons: CronRecords
    deliveries: Deliveries
    checkpointer: BaseCheckpointSaver[Any]
    items: BaseStore
    _resources: AsyncExitStack

    @property
    def assistants(self) -> AssistantRecords:
        """The assistants that the API made."""
        return AssistantRecords(self.engine)

    async def introduce(self) -> None:
        """Show this worker to the others."""
        await self.liveness.hold(self.identity.worker_id)
        await self.workers.register(self.identity)

    async def become_another(self) -> None:
        """Go on under a new name, after the others took this worker for dead."""
        self.identity.renew()
        await self.introduce()

    async def roll_back(self, fence: Fence, run_id: str) -> None:
        """Remove what a run stored on its thread."""
        await self.checkpoints.roll_back(fence, run_id)

    async def keep_latest(self, thread_id: str) -> None:
        """Forget all checkpoints of a thread but the last."""
        await self.checkpointer.aprune([thread_id], strategy="keep_latest")

    async def forget_thread(self, thread_id: str) -> bool:
        """Remove a thread with its runs, events and checkpoints. False: there was none."""
        await self.checkpointer.adelete_thread(thread_id)
        return await self.records.delete_thread(thread_id)

    async def leave(self) -> None:
        """Tell the others that this worker ended in good order."""
        await self.workers.forget(self.identity.worker_id)

    async def close(self) -> None:
        """Close every connection."""
        await self._resources.aclose()


def normalise_url(url: str) -> str:
    """SQLAlchemy's URL with our drivers, from any of the usual spellings."""
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    if url.startswith("sqlite://"):
        return "sqlite+aiosqlite://" + url.removeprefix("sqlite://")
    return url


async def open_storage(
    url: str,
    identity: Identity,
    *,
    pool_size: int = DEFAULT_POOL_SIZE,
    sqlite_synchronous: Synchronous = "NORMAL",
) -> Storage:
    """Connect, migrate, and be ready for runs.

    Args:
        url: where the database is, with or without a driver in the scheme.
        identity: who this worker is to the others on the database.
        pool_size: connections to PostgreSQL for checkpoints.
        sqlite_synchronous: what a loss of power may cost; nothing else does.

    Raises:
        StorageUnavailable: the database cannot be reached or used.
    """
    pace_langgraph()
    resources = AsyncExitStack()
    try:
        parsed = make_url(normalise_url(url))
        if parsed.drivername == "sqlite+aiosqlite":
            path = Path(parsed.database or "")
            return await _open_sqlite(path, resources, identity, sqlite_synchronous)
        if parsed.drivername == "postgresql+psycopg":
            dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
            return await _open_postgres(dsn, resources, identity, pool_size)
        raise StorageUnavailable(f"{parsed.drivername} is neither SQLite nor PostgreSQL")
    except NewerSchema as error:
        await resources.aclose()
        raise StorageUnavailable(str(error)) from error
    except (ArgumentError, SQLAlchemyError, psycopg.Error, sqlite3.Error, OSError) as error:
        await resources.aclose()
        text = " ".join(str(error).split())[:300]
        raise StorageUnavailable(f"{type(error).__name__}: {text}") from error
    except BaseException:
        await resources.aclose()
        raise


async def _open_sqlite(
    path: Path, resources: AsyncExitStack, identity: Identity, synchronous: Synchronous
) -> Storage:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = make_sqlite_engine(path, synchronous)
    resources.push_async_callback(engine.dispose)
    liveness = FileLiveness(path.with_name(path.name + ".locks"))
    resources.push_async_callback(liveness.close)
    connection = await resources.enter_async_context(
        aiosqlite.connect(path, isolation_level="IMMEDIATE")
    )
    saver = SqliteSaver(connection, path, synchronous)
    resources.push_async_callback(saver.aclose)
    # One worker at a time changes the schema; the lock goes with the process that has it.
    await liveness.wait_for(_MIGRATION_LOCK)
    try:
        for pragma in make_pragmas(synchronous):
            await connection.execute(pragma)
        await migrate(engine)
        await saver.setup()
        items = await open_sqlite_items(path, resources, synchronous)
    finally:
        liveness.give_back(_MIGRATION_LOCK)
    return await _make_storage("sqlite", engine, identity, liveness, saver, items, resources)


async def _open_postgres(
    dsn: str, resources: AsyncExitStack, identity: Identity, pool_size: int
) -> Storage:
    url = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = make_postgres_engine(url, identity.application_name)
    resources.push_async_callback(engine.dispose)
    pool = make_pool(dsn, pool_size, identity.application_name)
    async with _postgres_migration(dsn):
        await migrate(engine)
        await pool.open()
        resources.push_async_callback(pool.close)
        saver = PostgresSaver(pool)
        resources.push_async_callback(saver.aclose)
        await saver.setup()
        items = await open_postgres_items(pool, resources)
    liveness = SessionLiveness(dsn)
    resources.push_async_callback(liveness.close)
    return await _make_storage("postgresql", engine, identity, liveness, saver, items, resources)


async def _make_storage(
    kind: str,
    engine: AsyncEngine,
    identity: Identity,
    liveness: Liveness,
    checkpointer: BaseCheckpointSaver[Any],
    items: BaseStore,
    resources: AsyncExitStack,
) -> Storage:
    ownership = Ownership(engine, identity)
    storage = Storage(
        kind=kind,
        engine=engine,
        identity=identity,
        records=Records(engine),
        runs=RunRecords(engine),
        ownership=ownership,
        claims=Claims(engine, identity),
        wakes=Wakes(engine, identity),
        events=EventLog(engine),
        workers=Workers(engine),
        liveness=liveness,
        checkpoints=Checkpoints(engine),
        crons=CronRecords(engine, ownership),
        deliveries=Deliveries(engine),
        checkpointer=checkpointer,
        items=items,
        _resources=resources,
    )
    await storage.introduce()
    return storage


@asynccontextmanager
async def _postgres_migration(dsn: str) -> AsyncIterator[None]:
    """Hold the fleet's migration lock.

    Polled, not waited for: a session that waits inside `pg_advisory_lock` holds a snapshot, and
    the checkpointer's `CREATE INDEX CONCURRENTLY` would wait for that snapshot for ever.
    """
    async with await connect(dsn) as connection:
        while True:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_MIGRATION_KEY,))
            row = await cursor.fetchone()
            if row is not None and row[0]:
                break
            await asyncio.sleep(0.1)
        yield
