"""Forget checkpoints in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from graphwarden.worker.storage.savers.sqlite_rows import transaction

_TABLES: Final = ("checkpoints", "writes")
_DELTAS: Final = (
    "SELECT 1 FROM checkpoints WHERE thread_id = ? AND "
    "json_extract(CAST(metadata AS TEXT), '$.counters_since_delta_snapshot') IS NOT NULL LIMIT 1"
)
# Of the row with the greatest id, SQLite gives the other columns as well.
_HEADS: Final = (
    "SELECT checkpoint_ns, max(checkpoint_id), metadata FROM checkpoints "
    "WHERE thread_id = ? GROUP BY checkpoint_ns"
)
_SAVED: Final = (
    "SELECT 1 FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = '' AND checkpoint_id = ?"
)
_CUT_OFF: Final = (
    "UPDATE checkpoints SET parent_checkpoint_id = NULL "
    "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
)


def delete_threads(connection: sqlite3.Connection, thread_ids: Sequence[str]) -> None:
    """Forget all that is stored for these threads."""
    with transaction(connection):
        for thread_id in thread_ids:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,))  # noqa: S608


def keep_latest(connection: sqlite3.Connection, thread_ids: Sequence[str]) -> None:
    """Forget all checkpoints of these threads but the latest of each namespace.

    The namespace of a subgraph's call goes with the checkpoint that the call was made from.

    Raises:
        NotImplementedError: a thread's values are kept as changes since older checkpoints.
    """
    with transaction(connection):
        for thread_id in thread_ids:
            if connection.execute(_DELTAS, (thread_id,)).fetchone() is not None:
                raise NotImplementedError(
                    f"thread {thread_id} uses a DeltaChannel, whose values need its history"
                )
            _thin_out(connection, thread_id)


def _thin_out(connection: sqlite3.Connection, thread_id: str) -> None:
    heads = connection.execute(_HEADS, (thread_id,)).fetchall()
    latest = {space: checkpoint_id for space, checkpoint_id, _ in heads}
    calls: list[str] = []
    # The root goes last: calls are told by the root checkpoints they were made from.
    for space, checkpoint_id, metadata in sorted(heads, reverse=True):
        root = (json.loads(metadata or b"{}").get("parents") or {}).get("")
        is_call = ":" in space and root is not None and root != latest.get("")
        if is_call and connection.execute(_SAVED, (thread_id, root)).fetchone() is not None:
            calls.append(space)
            continue
        names = (thread_id, space, checkpoint_id)
        for table in _TABLES:
            connection.execute(
                f"DELETE FROM {table} "  # noqa: S608
                "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
                names,
            )
        connection.execute(_CUT_OFF, names)
    for space in calls:
        for table in _TABLES:
            connection.execute(
                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns = ?",  # noqa: S608
                (thread_id, space),
            )
