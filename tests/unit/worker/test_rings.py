"""Which failures are the database's."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from graphwarden.worker.rings import is_database_away
from graphwarden.worker.storage.fence import StorageBroken


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, Exception("gone")),
        psycopg.OperationalError("server closed the connection"),
        sqlite3.OperationalError("database or disk is full"),
        StorageBroken("full"),
    ],
)
def test_a_database_that_does_not_answer_is_away(error: Exception) -> None:
    assert is_database_away(error)


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError("INSERT", {}, Exception("duplicate")),
        TimeoutError("slow"),
        ValueError("no"),
        ConnectionError("another server"),
    ],
)
def test_other_failures_are_not_the_databases(error: Exception) -> None:
    assert not is_database_away(error)
