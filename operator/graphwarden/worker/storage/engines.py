"""SQLAlchemy engines as every table here is read and written through."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from graphwarden.worker.encoding import dumps_for_database, loads

BUSY_TIMEOUT_MS = 15_000
_READING = "graphwarden_reading"
# NORMAL loses nothing when a process dies; FULL keeps the last commits when the power goes, too.
Synchronous = Literal["NORMAL", "FULL"]


def make_pragmas(synchronous: Synchronous = "NORMAL") -> tuple[str, ...]:
    """What prepares a connection to a SQLite file for writing."""
    return (
        f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={synchronous}",
    )


def make_engine(
    url: str, connect_args: dict[str, Any], synchronous: Synchronous = "NORMAL"
) -> AsyncEngine:
    """An engine for a SQLite file or a PostgreSQL database."""
    engine = create_async_engine(
        url,
        connect_args=connect_args,
        json_serializer=dumps_for_database,
        json_deserializer=loads,
        pool_pre_ping=not url.startswith("sqlite"),
    )
    if url.startswith("sqlite"):
        _prepare_sqlite(engine, synchronous)
    return engine


def make_reading(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for single statements that only read: without a transaction.

    SQLite's connections are in that state by themselves. Having SQLAlchemy switch them to its
    AUTOCOMMIT and back costs more than most reads.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READING: True})
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _prepare_sqlite(engine: AsyncEngine, synchronous: Synchronous) -> None:
    """Wait for other processes, and take the write lock at the start of a transaction.

    A transaction that starts by reading could not become a writer once another process wrote.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in make_pragmas(synchronous):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        if not connection.get_execution_options().get(_READING):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
