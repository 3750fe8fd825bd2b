"""A SQLite connection for SQLAlchemy with one hop to its thread per statement.

aiosqlite goes to the thread of a connection and back for each small thing: to make a cursor, to
execute, to fetch and to close. A hop costs more than most statements here, so all of that is one.
The start of a transaction goes along with its first statement, and there is nothing to commit or
to roll back where none was started.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import aiosqlite

_CACHED_STATEMENTS = 256


class _Found(NamedTuple):
    """What a statement came to."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


class OneHopConnection(aiosqlite.Connection):
    """A connection whose cursors have their rows when they have executed."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=1)
        # A process that ends does not wait for connections that nobody closed.
        self._thread.daemon = True
        self._is_due = False
        self._is_busy = False

    def begin(self) -> None:
        """Have the next statement start a transaction and take the write lock."""
        self._is_due = True

    def cursor(self) -> OneHopCursor:  # type: ignore[override]
        """A cursor, without going anywhere."""
        return OneHopCursor(self)

    async def run(self, statement: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> _Found:
        """Execute and fetch, within the transaction that was asked for."""
        starts, self._is_due = self._is_due, False

        def work() -> _Found:
            try:
                connection = self._conn
                if starts:
                    connection.execute("BEGIN IMMEDIATE")
                cursor = statement(connection)
                rows = cursor.fetchall() if cursor.description else ()
                found = _Found(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
                cursor.close()
                return found
            finally:
                self._is_busy = False

        self._is_busy = True
        found: _Found = await self._execute(work)  # type: ignore[no-untyped-call]
        return found

    async def commit(self) -> None:
        """Commit, where a transaction was started."""
        if self._may_be_in_transaction():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back, where a transaction was started."""
        if self._may_be_in_transaction():
            await super().rollback()

    def _may_be_in_transaction(self) -> bool:
        """Also where whoever waited for a statement is gone, and the statement is not done yet."""
        self._is_due = False
        return self._is_busy or self.in_transaction


class OneHopCursor:
    """As much of aiosqlite's cursor as SQLAlchemy asks for, server-side cursors left out."""

    arraysize = 1

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._found = _Found()

    async def __aenter__(self) -> OneHopCursor:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def description(self) -> Any:
        """The columns, where there are any."""
        return self._found.description

    @property
    def rowcount(self) -> int:
        """Rows changed; -1 where nothing was to be."""
        return self._found.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The last row that was inserted."""
        return self._found.lastrowid

    async def execute(self, words: str, values: Any = ()) -> OneHopCursor:
        """Execute a statement and fetch its rows."""
        self._found = await self._connection.run(lambda c: c.execute(words, values))
        return self

    async def executemany(self, words: str, values: Sequence[Any]) -> OneHopCursor:
        """Execute a statement once for each of the values."""
        self._found = await self._connection.run(lambda c: c.executemany(words, values))
        return self

    async def fetchall(self) -> Sequence[Any]:
        """The rows: they are here."""
        return self._found.rows

    async def close(self) -> None:
        """Nothing is held."""


async def connect(path: Path, timeout_seconds: float, pragmas: Sequence[str]) -> OneHopConnection:
    """A connection without transactions of its own, prepared by these statements."""

    def open_file() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path,
            timeout=timeout_seconds,
            isolation_level=None,
            cached_statements=_CACHED_STATEMENTS,
        )
        try:
            for pragma in pragmas:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    opened = OneHopConnection(open_file)
    await opened
    return opened
