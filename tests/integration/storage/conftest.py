"""Two workers' views of one database, without the workers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from graphwarden.worker.storage.database import Storage, open_storage
from graphwarden.worker.storage.workers import Identity
from postgres_server import PostgresMissing, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The DSN of a PostgreSQL server of this session."""
    try:
        with running_postgres() as dsn:
            yield dsn
    except PostgresMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs PostgreSQL: {missing}")
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: a SQLite file, then a PostgreSQL database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'fleet.sqlite'}"
    server: str = request.getfixturevalue("postgres_server")
    name = f"test_{os.urandom(8).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.removesuffix("/postgres") + f"/{name}"


@pytest_asyncio.fixture
async def ours(database_url: str) -> AsyncIterator[Storage]:
    """The database as one worker sees it."""
    storage = await open_storage(database_url, Identity("127.0.0.1:1", "email"))
    yield storage
    await storage.close()


@pytest_asyncio.fixture
async def theirs(ours: Storage, database_url: str) -> AsyncIterator[Storage]:
    """The same database as another worker sees it."""
    storage = await open_storage(database_url, Identity("127.0.0.1:2", "email"))
    yield storage
    await storage.close()
