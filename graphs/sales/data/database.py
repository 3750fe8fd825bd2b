"""Open the sales database, once per event loop; SQLite brings its own schema up to date."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from graphs.sales.data.history import Setting
from graphs.sales.data.migrate import find_missing_migrations, upgrade

URL = "SALES_DATABASE_URL"
_EMBEDDED = Path(".graphwarden/sales.db")
_BUSY_TIMEOUT_MS = 15_000
_SALT = "address_salt"


class DatabaseMissing(RuntimeError):
    """There is no sales database to work on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open sales database."""

    engine: AsyncEngine

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction, committed at the end of the block.

        On SQLite it holds the write lock from the start: keep it short, and never await the
        network in it.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads; on SQLite it waits for no writer."""
        reading = self.engine.execution_options(sales_reading=True)
        async with AsyncSession(reading, expire_on_commit=False) as session:
            yield session

    @property
    def is_sqlite(self) -> bool:
        """Whether rows cannot be locked one by one."""
        return self.engine.dialect.name == "sqlite"

    async def read_salt(self) -> str:
        """The salt of address hashes; made with the schema, and never changed."""
        async with self.read() as session:
            found = await session.scalar(select(Setting.value).where(Setting.name == _SALT))
        if found is None:
            raise DatabaseMissing("sales_settings has no address_salt: migrate the database again")
        return found


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Database]] = WeakKeyDictionary()
_opening: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def open_database(environment: Mapping[str, str] = os.environ) -> Database:
    """The database named by SALES_DATABASE_URL, else `.graphwarden/sales.db` of the folder.

    Raises:
        DatabaseMissing: with what to do, when it cannot be used.
    """
    url = normalise_url(environment.get(URL) or f"sqlite:///{_EMBEDDED}")
    loop = asyncio.get_running_loop()
    known = _open.setdefault(loop, {})
    async with _opening.setdefault(loop, asyncio.Lock()):
        if url not in known:
            known[url] = await connect(url)
    return known[url]


async def close_databases() -> None:
    """Close what this event loop has open."""
    for database in _open.pop(asyncio.get_running_loop(), {}).values():
        await database.engine.dispose()


async def connect(url: str) -> Database:
    """Open one database and look at its schema; a SQLite file is made where there is none."""
    engine = make_engine(url)
    try:
        if engine.dialect.name == "sqlite":
            await upgrade(engine)
        elif missing := await find_missing_migrations(engine):
            raise DatabaseMissing(
                f"The sales database lacks {', '.join(missing)}: run "
                "`python -m graphs.sales.data migrate` as its owner."
            )
    except (OperationalError, OSError) as error:
        await engine.dispose()
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise DatabaseMissing(f"The sales database cannot be opened: {reason}; see {URL}") from None
    except DatabaseMissing:
        await engine.dispose()
        raise
    return Database(engine)


def make_engine(url: str) -> AsyncEngine:
    """An engine for a SQLite file or PostgreSQL, in SQLAlchemy's spelling of the URL."""
    if url.startswith("sqlite"):
        path = url.partition("///")[2]
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseMissing(f"{path} cannot be made ({error.strerror}); set {URL}") from None
        engine = create_async_engine(url)
        _prepare_sqlite(engine)
        return engine
    return create_async_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=10)


def normalise_url(url: str) -> str:
    """SQLAlchemy's URL with our drivers, from any of the usual spellings.

    Raises:
        DatabaseMissing: for another kind of database.
    """
    for short, ours in (
        ("postgres://", "postgresql+psycopg://"),
        ("postgresql://", "postgresql+psycopg://"),
        ("sqlite://", "sqlite+aiosqlite://"),
    ):
        if url.startswith(short):
            return ours + url.removeprefix(short)
    if url.startswith(("postgresql+psycopg://", "sqlite+aiosqlite://")):
        return url
    scheme = url.partition(":")[0]
    raise DatabaseMissing(f"{URL} begins with {scheme!r}; use postgresql:// or sqlite:///")


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Wait for other processes, and take the write lock at the start of a transaction.

    A transaction that starts by reading could not become a writer once another process wrote.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        reading = connection.get_execution_options().get("sales_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
