"""What the tests beside the graphs share: a sales database of their own, and what it holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from graphs.sales.data.database import (
    URL,
    Database,
    close_databases,
    connect,
    make_engine,
    normalise_url,
    open_database,
)
from graphs.sales.data.migrate import upgrade
from graphs.sales.web.settings import CONNECT_TO, GAP
from mail_server import MailServer, MailServerMissing, running_mail_server
from postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from site_server import SiteServer, running_site_server

settings.register_profile("graphwarden", deadline=None, derandomize=True)
settings.load_profile("graphwarden")

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """A Monday morning in UTC."""
    return NOW


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite file with the schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "sales.db"

    async def make() -> None:
        database = await connect(normalise_url(f"sqlite:///{path}"))
        await database.engine.dispose()

    asyncio.run(make())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest_asyncio.fixture
async def database(
    tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """An empty sales database, the one that the graphs of this test open: SQLite."""
    shutil.copy(migrated, tmp_path / "sales.db")
    monkeypatch.setenv(URL, f"sqlite:///{tmp_path / 'sales.db'}")
    yield await open_database()
    await close_databases()


@pytest_asyncio.fixture
async def postgres_database(
    postgres_url: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Database]:
    """The same on PostgreSQL, migrated, as its owner."""
    monkeypatch.setenv(URL, postgres_url)
    engine = make_engine(normalise_url(postgres_url))
    await upgrade(engine)
    await engine.dispose()
    database = await open_database()
    yield database
    await close_databases()
    # A test that closed it and asked it again has opened new connections.
    await database.engine.dispose()


@pytest.fixture(scope="session")
def mail_servers() -> Iterator[MailServer]:
    """GreenMail, for the session."""
    try:
        with running_mail_server() as server:
            yield server
    except MailServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a mail server: {missing}")
        pytest.skip(str(missing))


@pytest.fixture
def mail_server(mail_servers: MailServer) -> MailServer:
    """The same without any mail."""
    mail_servers.purge()
    return mail_servers


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Iterator[SiteServer]:
    """The sites of `tests/sites` for what this test fetches, under `.example`, without gaps."""
    with running_site_server() as server:
        monkeypatch.setenv(CONNECT_TO, server.connect_to)
        monkeypatch.setenv(GAP, "0")
        yield server
