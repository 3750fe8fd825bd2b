"""Open a database: engine, schema, checkpointer and ownership, for SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from graphwarden.worker.encoding import dumps_for_database, loads
from graphwarden.worker.storage.locks import AdvisoryLocks, FileLocks, ThreadLocks, connect
from graphwarden.worker.storage.migrate import migrate
from graphwarden.worker.storage.records import Records

_BUSY_TIMEOUT_MS = 15_000
_POOL_SIZE = 10
_MIGRATION_LOCK = "schema migration"
_MIGRATION_KEY = 0x67726170_68776172  # "graphwar", an advisory lock of its own


class StorageUnavailable(Exception):
    """The database cannot be used now; the text says why."""


@dataclass(frozen=True, slots=True)
class Storage:
    """An open database."""

    kind: str
    records: Records
    locks: ThreadLocks
    checkpointer: BaseCheckpointSaver[Any]
    _resources: AsyncExitStack

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


async def open_storage(url: str, on_lost: Callable[[str], None]) -> Storage:
    """Connect, migrate, and be ready for runs.

    Args:
        url: where the database is, with or without a driver in the scheme.
        on_lost: told the name of each thread whose ownership broke away.

    Raises:
        StorageUnavailable: the database cannot be reached or used.
    """
    resources = AsyncExitStack()
    try:
        parsed = make_url(normalise_url(url))
        if parsed.drivername == "sqlite+aiosqlite":
            return await _open_sqlite(Path(parsed.database or ""), resources)
        if parsed.drivername == "postgresql+psycopg":
            dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
            return await _open_postgres(dsn, resources, on_lost)
        raise StorageUnavailable(f"{parsed.drivername} is neither SQLite nor PostgreSQL")
    except (ArgumentError, SQLAlchemyError, psycopg.Error, sqlite3.Error, OSError) as error:
        await resources.aclose()
        text = " ".join(str(error).split())[:300]
        raise StorageUnavailable(f"{type(error).__name__}: {text}") from error
    except BaseException:
        await resources.aclose()
        raise


async def _open_sqlite(path: Path, resources: AsyncExitStack) -> Storage:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = _make_engine(f"sqlite+aiosqlite:///{path}", {"timeout": _BUSY_TIMEOUT_MS / 1000})
    resources.push_async_callback(engine.dispose)
    _prepare_sqlite(engine)
    locks = FileLocks(path.with_name(path.name + ".locks"))
    resources.push_async_callback(locks.close)
    connection = await resources.enter_async_context(
        aiosqlite.connect(path, isolation_level="IMMEDIATE")
    )
    saver = AsyncSqliteSaver(connection)
    # One worker at a time changes the schema; the lock goes with the process that has it.
    ownership = await locks.acquire(_MIGRATION_LOCK)
    try:
        for pragma in _PRAGMAS:
            await connection.execute(pragma)
        await migrate(engine)
        await saver.setup()
    finally:
        await ownership.release()
    return Storage("sqlite", Records(engine), locks, saver, resources)


async def _open_postgres(
    dsn: str, resources: AsyncExitStack, on_lost: Callable[[str], None]
) -> Storage:
    engine = _make_engine(
        dsn.replace("postgresql://", "postgresql+psycopg://", 1), {"connect_timeout": 5}
    )
    resources.push_async_callback(engine.dispose)
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=_POOL_SIZE,
        open=False,
        check=AsyncConnectionPool.check_connection,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )
    async with _postgres_migration(dsn):
        await migrate(engine)
        await pool.open()
        resources.push_async_callback(pool.close)
        saver = AsyncPostgresSaver(pool)
        # The saver guards one shared connection with this lock; a pool gives each call its own.
        saver.lock = nullcontext()  # type: ignore[assignment]
        await saver.setup()
    locks = AdvisoryLocks(dsn, on_lost)
    resources.push_async_callback(locks.close)
    return Storage("postgresql", Records(engine), locks, saver, resources)


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


def _make_engine(url: str, connect_args: dict[str, Any]) -> AsyncEngine:
    return create_async_engine(
        url,
        connect_args=connect_args,
        json_serializer=dumps_for_database,
        json_deserializer=loads,
        pool_pre_ping=not url.startswith("sqlite"),
    )


_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}",
)


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Wait for other processes, and take the write lock at the start of a transaction.

    A transaction that starts by reading could not become a writer once another process wrote.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
