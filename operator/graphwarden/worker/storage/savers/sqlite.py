"""LangGraph's saver for SQLite, with group commit and fences."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.checkpoint.sqlite.utils import load_pending_writes, pending_writes_sql, search_where

from graphwarden.worker.storage.engines import Synchronous, make_pragmas
from graphwarden.worker.storage.fence import StorageBroken
from graphwarden.worker.storage.savers.group import GroupWriter
from graphwarden.worker.storage.savers.payload import serialise
from graphwarden.worker.storage.savers.pruning import delete_threads, keep_latest
from graphwarden.worker.storage.savers.rows import Rows, find_token
from graphwarden.worker.storage.savers.sqlite_rows import store
from graphwarden.worker.storage.savers.threads import ConnectionThreads

_READERS: Final = 2
_COLUMNS: Final = (
    "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata"
)
_Result = TypeVar("_Result")


class SqliteSaver(AsyncSqliteSaver):
    """Checkpoints in a SQLite file that several processes may share.

    One thread writes. What waits when it gets to it is stored in one transaction. Reading has
    threads of its own and never waits for writing.

    Args:
        connection: for setting up the tables.
        path: the same file.
        synchronous: FULL keeps the last commits through a loss of power as well.
        serde: how values are written.
    """

    def __init__(
        self,
        connection: aiosqlite.Connection,
        path: Path,
        synchronous: Synchronous = "NORMAL",
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(connection, serde=serde)
        pragmas = make_pragmas(synchronous)
        self._writing = ConnectionThreads(path, pragmas, 1, "sqlite-writer")
        self._reading = ConnectionThreads(
            path, (*pragmas, "PRAGMA query_only=ON"), _READERS, "sqlite-reader"
        )
        self._writer = GroupWriter(self._store, at_once=1)

    async def aclose(self) -> None:
        """Store what is on its way, then end the threads."""
        await self._writer.close()
        await self._writing.close()
        await self._reading.close()

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
            StorageBroken: the disk is full, or another process keeps the file locked.
        """
        configurable = config["configurable"]
        thread_id, space = str(configurable["thread_id"]), configurable["checkpoint_ns"]
        token = find_token(thread_id)

        def make() -> Rows:
            told = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
            head = (
                thread_id,
                space,
                checkpoint["id"],
                configurable.get("checkpoint_id"),
                *self.serde.dumps_typed(checkpoint),
                told.encode("utf-8", "ignore"),
            )
            return Rows(thread_id, token, head)

        await self._write(thread_id, checkpoint["channel_values"], make)
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
            StorageBroken: the disk is full, or another process keeps the file locked.
        """
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        place = (thread_id, str(configurable["checkpoint_ns"]), str(configurable["checkpoint_id"]))
        replaces = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        token = find_token(thread_id)

        def make() -> Rows:
            written = [
                (
                    *place,
                    task_id,
                    task_path,
                    WRITES_IDX_MAP.get(channel, number),
                    channel,
                    *self.serde.dumps_typed(value),
                )
                for number, (channel, value) in enumerate(writes)
            ]
            return Rows(thread_id, token, writes=written, replaces=replaces)

        await self._write(thread_id, writes, make)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """A checkpoint with its pending writes."""
        configurable = config["configurable"]
        names = [str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")]
        checkpoint_id = get_checkpoint_id(config)
        where = "thread_id = ? AND checkpoint_ns = ?"
        if checkpoint_id:
            where += " AND checkpoint_id = ?"
            names.append(checkpoint_id)
        query = f"SELECT {_COLUMNS} FROM checkpoints WHERE {where} "  # noqa: S608
        query += "ORDER BY checkpoint_id DESC LIMIT 1"
        found = await self._read(lambda c: self._load(c, query, names))
        if not found:
            return None
        return found[0]._replace(config=config) if checkpoint_id else found[0]

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, newest first. Nothing is held while they are looked at."""
        where, values = search_where(config, filter, before)
        query = f"SELECT {_COLUMNS} FROM checkpoints {where} ORDER BY checkpoint_id DESC"  # noqa: S608
        names = list(values)
        if limit is not None:
            query += " LIMIT ?"
            names.append(limit)
        for item in await self._read(lambda c: self._load(c, query, names)):
            yield item

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all that is stored for a thread."""
        await self.aprune([thread_id], strategy="delete")

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Remove the checkpoints of threads: all, or all but the latest of each namespace.

        Raises:
            ValueError: the strategy is neither `keep_latest` nor `delete`.
            NotImplementedError: a thread to be thinned out keeps changes only (`DeltaChannel`).
            StorageBroken: another process keeps the file locked.
        """
        if isinstance(thread_ids, str):
            raise TypeError("thread_ids is a sequence of ids, not a string")
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"unknown strategy {strategy!r}: keep_latest or delete")
        names = [str(thread_id) for thread_id in thread_ids]
        if names:
            await self._set_up()
            prune = keep_latest if strategy == "keep_latest" else delete_threads
            try:
                await self._writing.run(lambda c: prune(c, names))
            except sqlite3.OperationalError as error:
                raise StorageBroken(f"the checkpoints were not pruned: {error}") from error

    async def _write(self, thread_id: str, payload: object, make: Callable[[], Rows]) -> None:
        await self._set_up()
        place = self._writer.reserve(thread_id)
        try:
            rows = await serialise(payload, make)
        except BaseException:
            self._writer.give_up(place)
            raise
        await self._writer.store(place, rows)

    async def _store(self, batch: Sequence[Rows]) -> None:
        try:
            await self._writing.run(lambda connection: store(connection, batch))
        except sqlite3.OperationalError as error:
            # Who is at fault is found by trying each by itself, unless that takes long.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY) & 0xFF
            if len(batch) > 1 and code != sqlite3.SQLITE_BUSY:
                raise
            raise StorageBroken(f"the checkpoint was not stored: {error}") from error

    async def _read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        await self._set_up()
        try:
            return await self._reading.run(work)
        except sqlite3.OperationalError as error:
            raise StorageBroken(f"the checkpoints cannot be read: {error}") from error

    async def _set_up(self) -> None:
        if not self.is_setup:
            await self.setup()

    def _load(
        self, connection: sqlite3.Connection, query: str, values: Sequence[Any]
    ) -> list[CheckpointTuple]:
        return [self._make_tuple(connection, row) for row in connection.execute(query, values)]

    def _make_tuple(self, connection: sqlite3.Connection, row: tuple[Any, ...]) -> CheckpointTuple:
        thread_id, space, checkpoint_id, parent, kind, checkpoint, metadata = row

        def make_config(which: str) -> RunnableConfig:
            names = {"thread_id": thread_id, "checkpoint_ns": space, "checkpoint_id": which}
            return {"configurable": names}

        pending = connection.execute(
            pending_writes_sql(self._has_task_path), (thread_id, space, checkpoint_id)
        )
        return CheckpointTuple(
            make_config(checkpoint_id),
            self.serde.loads_typed((kind, checkpoint)),
            json.loads(metadata) if metadata is not None else {},
            make_config(parent) if parent else None,
            load_pending_writes(pending.fetchall(), self.serde),
        )
