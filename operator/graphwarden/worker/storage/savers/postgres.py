"""LangGraph's saver for PostgreSQL, with group commit and fences."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final, cast

import orjson
import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from psycopg.rows import DictRow

from graphwarden.worker.storage.fence import FENCED_OFF_SQLSTATE, FencedOff
from graphwarden.worker.storage.savers.group import GroupWriter
from graphwarden.worker.storage.savers.payload import INLINE_BYTES, serialise
from graphwarden.worker.storage.savers.pool import Connection, Pool, use_connection
from graphwarden.worker.storage.savers.rows import Rows, find_token, make_statement

# A long history is read without holding up the loop.
_READ_AT_ONCE: Final = 16


class PostgresSaver(AsyncPostgresSaver):
    """Checkpoints in PostgreSQL. Each call has a connection of its own; none waits for a lock.

    What runs write at the same moment is stored in one transaction. On each thread the order is
    kept: a checkpoint is never there before the writes that led to it.
    """

    def __init__(self, pool: Pool, serde: SerializerProtocol | None = None) -> None:
        super().__init__(pool, serde=serde)
        self._pool = pool
        self._writer = GroupWriter(self._store)
        # It guards one shared connection; a pool gives each call its own.
        self.lock = nullcontext()  # type: ignore[assignment]

    async def aclose(self) -> None:
        """Wait for what is being stored."""
        await self._writer.close()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint.

        Raises:
            FencedOff: the thread was taken over; nothing is stored.
            StorageBroken: the database is away or full.
        """
        configurable = config["configurable"]
        thread_id, space = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        inline, apart = _split(checkpoint["channel_values"])
        versions = {k: v for k, v in new_versions.items() if k in apart}
        token = find_token(thread_id)

        def make() -> Rows:
            head = (
                thread_id,
                space,
                checkpoint["id"],
                configurable.get("checkpoint_id"),
                _dump({**checkpoint, "channel_values": inline}),
                _dump(get_serializable_checkpoint_metadata(config, metadata)),
            )
            blobs = self._dump_blobs(thread_id, space, apart, versions)
            return Rows(thread_id, token, head, blobs)

        place = self._writer.reserve(thread_id)
        try:
            rows = await serialise([inline, *(apart[k] for k in versions)], make)
        except BaseException:
            self._writer.give_up(place)
            raise
        await self._writer.store(place, rows)
        stored = {
            "thread_id": configurable["thread_id"],
            "checkpoint_ns": space,
            "checkpoint_id": checkpoint["id"],
        }
        return {"configurable": stored}

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote, before the checkpoint that it leads to.

        Raises:
            FencedOff: the thread was taken over; nothing is stored.
            StorageBroken: the database is away or full.
        """
        configurable = config["configurable"]
        thread_id, space = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        replaces = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        token = find_token(thread_id)

        def make() -> Rows:
            written = self._dump_writes(
                thread_id, space, configurable["checkpoint_id"], task_id, task_path, writes
            )
            return Rows(thread_id, token, writes=written, replaces=replaces)

        place = self._writer.reserve(thread_id)
        try:
            rows = await serialise(writes, make)
        except BaseException:
            self._writer.give_up(place)
            raise
        await self._writer.store(place, rows)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """A checkpoint with its pending writes.

        Raises:
            StorageBroken: the database is away.
        """
        return await use_connection(self._pool, lambda c: _Reader(c, self).aget_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, newest first. No connection is held while they are looked at."""

        async def read(connection: Connection) -> list[CheckpointTuple]:
            found: list[CheckpointTuple] = []
            reader = _Reader(connection, self)
            async for item in reader.alist(config, filter=filter, before=before, limit=limit):
                found.append(item)
                if len(found) % _READ_AT_ONCE == 0:
                    await asyncio.sleep(0)
            return found

        for item in await use_connection(self._pool, read):
            yield item

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """The writes that make up channels of which checkpoints hold only the changes."""
        return await use_connection(
            self._pool,
            lambda c: _Reader(c, self).aget_delta_channel_history(config=config, channels=channels),
        )

    async def _store(self, batch: Sequence[Rows]) -> None:
        statement, arrays = make_statement(batch)
        try:
            await use_connection(self._pool, lambda c: c.execute(statement, arrays, binary=True))
        except psycopg.Error as error:
            if error.sqlstate == FENCED_OFF_SQLSTATE:
                raise FencedOff(batch[0].thread_id) from error
            raise

    async def _load_checkpoint_tuple(self, value: DictRow) -> CheckpointTuple:
        blobs, writes = value["channel_values"] or (), value["pending_writes"] or ()
        size_bytes = sum(len(b[2] or b"") for b in blobs) + sum(len(w[3]) for w in writes)
        if size_bytes > INLINE_BYTES:
            return await asyncio.to_thread(self._make_tuple, value)
        return self._make_tuple(value)

    def _make_tuple(self, value: DictRow) -> CheckpointTuple:
        def make_config(checkpoint_id: str) -> RunnableConfig:
            names = {key: value[key] for key in ("thread_id", "checkpoint_ns")}
            return {"configurable": {**names, "checkpoint_id": checkpoint_id}}

        inline = value["checkpoint"].get("channel_values") or {}
        values = {**inline, **self._load_blobs(value["channel_values"])}
        parent = value["parent_checkpoint_id"]
        return CheckpointTuple(
            make_config(value["checkpoint_id"]),
            cast(Checkpoint, {**value["checkpoint"], "channel_values": values}),
            value["metadata"],
            make_config(parent) if parent else None,
            self._load_writes(value["pending_writes"]),
        )


class _Reader(AsyncPostgresSaver):
    """LangGraph's own reading, on one connection for as long as it lasts."""

    def __init__(self, connection: Connection, saver: PostgresSaver) -> None:
        self.serde = saver.serde
        self.conn = connection
        self.pipe = None
        self.lock = nullcontext()  # type: ignore[assignment]
        self.loop = saver.loop
        self.supports_pipeline = saver.supports_pipeline
        self._load_checkpoint_tuple = saver._load_checkpoint_tuple  # type: ignore[method-assign]


def _dump(value: object) -> str:
    """JSON as LangGraph writes it, sooner. What it has no word for is the caller's mistake."""
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except orjson.JSONEncodeError:
        # Integers past 64 bits, which json can write, and what neither can.
        return json.dumps(value)


def _split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The channels whose values stand in the checkpoint's JSON, and those with a blob apart."""
    inline: dict[str, Any] = {}
    apart: dict[str, Any] = {}
    for channel, value in values.items():
        if isinstance(value, _DeltaSnapshot):
            inline[channel] = True
            apart[channel] = value
        elif _is_plain(value):
            inline[channel] = value
        else:
            apart[channel] = value
    return inline, apart


def _is_plain(value: object) -> bool:
    """Whether JSON in PostgreSQL can hold the value: not NUL, not NaN, which blobs can."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)
