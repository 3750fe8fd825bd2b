"""Savers on real databases."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from integration.savers.place import Place, open_place
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


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The DSN of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres_server.removesuffix("/postgres") + f"/{name}"


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Place]:
    """A saver on an empty SQLite file."""
    async with open_place(f"sqlite+aiosqlite:///{tmp_path / 'fleet.sqlite'}") as place:
        yield place


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Place]:
    """A saver on an empty PostgreSQL database."""
    async with open_place(postgres_url) as place:
        yield place


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    found: Place = request.getfixturevalue(request.param)
    return found
