"""SQLAlchemy engines as every table here is read and written through."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from graphwarden.worker.encoding import dumps_for_database, loads
from graphwarden.worker.storage.one_hop import connect

BUSY_TIMEOUT_MS = 15_000
_READING = "graphwarden_reading"
_JSON: dict[str, Any] = {"json_serializer": dumps_for_database, "json_deserializer": loads}
# NORMAL loses nothing when a process dies; FULL keeps the last commits when the power goes, too.
Synchronous = Literal["NORMAL", "FULL"]


def make_pragmas(synchronous: Synchronous = "NORMAL") -> tuple[str, ...]:
    """What prepares a connection to a SQLite file for writing."""
    return (
        f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={synchronous}",
    )


def make_sqlite_engine(path: Path, synchronous: Synchronous = "NORMAL") -> AsyncEngine:
    """An engine for a SQLite file that several processes may share.

    A transaction takes the write lock at its start: one that starts by reading could not become a
    writer once another process wrote.
    """
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        async_creator=partial(connect, path, BUSY_TIMEOUT_MS / 1000, make_pragmas(synchronous)),
        **_JSON,
    )

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        if not connection.get_execution_options().get(_READING):
            connection.connection.driver_connection.begin()

    return engine


def make_postgres_engine(url: str, application_name: str) -> AsyncEngine:
    """An engine for a PostgreSQL database."""
    return create_async_engine(
        url,
        connect_args={"connect_timeout": 5, "application_name": application_name},
        pool_pre_ping=True,
        **_JSON,
    )


def make_reading(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for single statements that only read: without a transaction.

    SQLite's connections are in that state by themselves. Having SQLAlchemy switch them to its
    AUTOCOMMIT and back costs more than most reads.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READING: True})
    return engine.execution_options(isolation_level="AUTOCOMMIT")
