"""Fixtures of PostgreSQL, for the `conftest.py` that imports them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from postgres_server import PostgresMissing, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The DSN of a PostgreSQL server of this session, as its superuser."""
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
    return make_database(postgres_server)


def make_database(server: str) -> str:
    """The DSN of an empty database on the server."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.removesuffix("/postgres") + f"/{name}"
