"""Rows of LangGraph's PostgreSQL tables, and the one statement that stores many of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphwarden.worker.storage.fence import find_fence

Row = tuple[Any, ...]

_HELD = """held AS MATERIALIZED (
    SELECT graphwarden_require_fence(f.thread_id, f.token)
    FROM unnest(%b::text[], %b::int[]) AS f(thread_id, token)
), """

_ROWS = """blobs AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bytea[])
    ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
), heads AS (
    INSERT INTO checkpoints
        (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    SELECT h.t, h.ns, h.id, h.parent, h.checkpoint::jsonb, h.metadata::jsonb
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
        AS h(t, ns, id, parent, checkpoint, metadata)
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET
        checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
), added AS (
    INSERT INTO checkpoint_writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int[],
        %b::text[], %b::text[], %b::bytea[])
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING
)"""

_REPLACED = """, replaced AS (
    INSERT INTO checkpoint_writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int[],
        %b::text[], %b::text[], %b::bytea[])
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE SET
        channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob
)"""

_BLOB_COLUMNS: Final = 6
_HEAD_COLUMNS: Final = 6
_WRITE_COLUMNS: Final = 9


@dataclass(frozen=True, slots=True)
class Rows:
    """What one call of the saver stores."""

    thread_id: str
    token: int | None = None
    head: Row | None = None
    blobs: Sequence[Row] = ()
    writes: Sequence[Row] = ()
    # Whether the writes take the place of those that are there.
    replaces: bool = False

    def list_keys(self) -> list[Hashable]:
        """What no second write of the same statement may touch."""
        keys: list[Hashable] = [("blob", *row[:4]) for row in self.blobs]
        if self.head is not None:
            keys.append(("head", *self.head[:3]))
        keys.extend(("write", *row[:4], row[5]) for row in self.writes)
        return keys

    def measure_bytes(self) -> int:
        """About how large the values are."""
        sizes = sum(len(row[-1] or b"") for row in (*self.blobs, *self.writes))
        return sizes + sum(len(value or "") for value in self.head or ())


def find_token(thread_id: str) -> int | None:
    """The number under which the caller owns the thread it writes on, if it runs under one."""
    fence = find_fence(thread_id)
    return fence.token if fence is not None else None


def make_statement(batch: Sequence[Rows]) -> tuple[str, list[list[Any]]]:
    """One statement, hence one transaction and one round trip, that stores all of it or nothing.

    With a fence of an earlier owner in it, it fails with SQLSTATE GW001.
    """
    fences = {(rows.thread_id, rows.token): None for rows in batch if rows.token is not None}
    replaced = [row for rows in batch if rows.replaces for row in rows.writes]
    arrays = [
        *_turn((row for rows in batch for row in rows.blobs), _BLOB_COLUMNS),
        *_turn((rows.head for rows in batch if rows.head is not None), _HEAD_COLUMNS),
        *_turn((row for rows in batch if not rows.replaces for row in rows.writes), _WRITE_COLUMNS),
    ]
    text = _ROWS
    if replaced:
        text += _REPLACED
        arrays += _turn(replaced, _WRITE_COLUMNS)
    if not fences:
        return f"WITH {text} SELECT", arrays
    # In one order, the one in which a thread's next owner locks them.
    arrays = [*_turn(sorted(fences), 2), *arrays]
    return f"WITH {_HELD}{text} SELECT count(*) FROM held", arrays  # noqa: S608 - our own words


def _turn(rows: Iterable[Row], width: int) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
