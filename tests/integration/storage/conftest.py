"""Two workers' views of one database, without the workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from graphwarden.worker.storage.database import Storage, open_storage
from graphwarden.worker.storage.workers import Identity


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: a SQLite file, then a PostgreSQL database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'fleet.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


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
