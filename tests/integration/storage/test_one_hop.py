"""Connections to a SQLite file that go to their thread once per statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.storage.engines import make_reading, make_sqlite_engine
from graphwarden.worker.storage.one_hop import OneHopConnection, connect

pytestmark = pytest.mark.integration

ADD = text("INSERT INTO notes (id, words) VALUES (:id, :words)")
COUNT = text("SELECT count(*) FROM notes")


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = make_sqlite_engine(tmp_path / "notes.sqlite")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT)"))
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def other(tmp_path: Path, engine: AsyncEngine) -> AsyncIterator[OneHopConnection]:
    """A second connection to the file, which does not wait for locks."""
    opened = await connect(tmp_path / "notes.sqlite", 0, ())
    yield opened
    await opened.close()


async def count(engine: AsyncEngine) -> int:
    async with make_reading(engine).connect() as connection:
        return int((await connection.execute(COUNT)).scalar_one())


async def add(engine: AsyncEngine, *ids: int) -> None:
    """Rows in one transaction, each by a statement of its own."""
    async with engine.begin() as connection:
        for number in ids:
            await connection.execute(ADD, {"id": number, "words": "a"})


async def test_what_a_transaction_wrote_is_there_after_it(engine: AsyncEngine) -> None:
    await add(engine, 1)
    assert await count(engine) == 1


async def test_many_rows_go_in_by_one_statement(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(ADD, [{"id": number, "words": "a"} for number in range(3)])
    assert await count(engine) == 3


async def test_a_statement_tells_how_many_rows_it_changed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(ADD, [{"id": 1, "words": "a"}, {"id": 2, "words": "b"}])
        changed = await connection.execute(text("UPDATE notes SET words = 'c' WHERE id > 1"))
        assert changed.rowcount == 1
        both = await connection.execute(text("UPDATE notes SET words = 'd' RETURNING id"))
        assert sorted(both.scalars()) == [1, 2]


async def test_nothing_of_a_failed_transaction_is_kept(engine: AsyncEngine) -> None:
    with pytest.raises(IntegrityError):
        await add(engine, 1, 1)
    assert await count(engine) == 0


async def test_a_transaction_has_the_write_lock_from_its_first_statement_on(
    engine: AsyncEngine, other: OneHopConnection
) -> None:
    async with engine.begin() as connection:
        await connection.execute(COUNT)
        with pytest.raises(Exception, match="database is locked"):
            await other.cursor().execute("BEGIN IMMEDIATE")


async def test_reading_leaves_the_write_lock_to_others(
    engine: AsyncEngine, other: OneHopConnection
) -> None:
    async with make_reading(engine).connect() as connection:
        await connection.execute(COUNT)
        await other.cursor().execute("BEGIN IMMEDIATE")
        await other.rollback()


async def test_a_transaction_of_no_statement_takes_no_lock_and_leaves_none_due(
    engine: AsyncEngine, other: OneHopConnection
) -> None:
    async with engine.begin():
        pass
    async with make_reading(engine).connect() as connection:
        await connection.execute(COUNT)
        await other.cursor().execute("BEGIN IMMEDIATE")
        await other.rollback()


async def test_whoever_is_locked_out_is_told_so(
    engine: AsyncEngine, other: OneHopConnection
) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("PRAGMA busy_timeout=0"))
        await connection.rollback()
        await other.cursor().execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            await connection.execute(COUNT)
        await other.rollback()


async def test_a_statement_that_nobody_waits_for_any_more_leaves_no_transaction(
    tmp_path: Path, engine: AsyncEngine, other: OneHopConnection
) -> None:
    mine = await connect(tmp_path / "notes.sqlite", 0, ())
    mine.begin()
    waiting = asyncio.ensure_future(mine.cursor().execute("INSERT INTO notes VALUES (1, 'a')"))
    await asyncio.sleep(0)
    waiting.cancel()
    await mine.rollback()
    await other.cursor().execute("BEGIN IMMEDIATE")
    await other.rollback()
    assert await count(engine) == 0
    await mine.close()
