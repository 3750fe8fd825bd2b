"""Rows of LangGraph's SQLite tables, stored many at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from graphwarden.worker.storage.fence import FencedOff
from graphwarden.worker.storage.savers.rows import Rows

_HELD: Final = "SELECT 1 FROM graphwarden_threads WHERE thread_id = ? AND fence = ?"
_HEAD: Final = (
    "INSERT OR REPLACE INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, "
    "parent_checkpoint_id, type, checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_WRITE: Final = (
    "INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, "
    "type, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD: Final = f"INSERT OR IGNORE {_WRITE}"
_REPLACE: Final = f"INSERT OR REPLACE {_WRITE}"


def store(connection: sqlite3.Connection, batch: Sequence[Rows]) -> None:
    """Store all of it in one transaction, or nothing.

    Raises:
        FencedOff: one of the threads was taken over.
        sqlite3.Error: SQLite did not take it.
    """
    fences = {(rows.thread_id, rows.token): None for rows in batch if rows.token is not None}
    with transaction(connection):
        for fence in fences:
            if connection.execute(_HELD, fence).fetchone() is None:
                raise FencedOff(fence[0])
        added = [row for rows in batch if not rows.replaces for row in rows.writes]
        replaced = [row for rows in batch if rows.replaces for row in rows.writes]
        heads = [rows.head for rows in batch if rows.head is not None]
        for statement, rows in ((_ADD, added), (_REPLACE, replaced), (_HEAD, heads)):
            if rows:
                connection.executemany(statement, rows)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that holds the write lock from its start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors, a full disk among them, SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
