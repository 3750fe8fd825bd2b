"""An open database with its saver, and the row that a thread's fence is checked against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint
from sqlalchemy import insert, update

from graphwarden.worker.storage.database import Storage, open_storage
from graphwarden.worker.storage.fence import Fence, current_fence
from graphwarden.worker.storage.records import Thread
from graphwarden.worker.storage.rows import make_thread_row
from graphwarden.worker.storage.tables import threads
from graphwarden.worker.storage.workers import Identity


@dataclass(frozen=True)
class Place:
    """An open database and its saver."""

    storage: Storage
    url: str

    @property
    def saver(self) -> BaseCheckpointSaver[Any]:
        """What LangGraph writes to."""
        return self.storage.checkpointer

    async def own(self, thread_id: str, token: int = 1) -> Fence:
        """A thread that is owned under this number."""
        now = datetime.now(UTC)
        row = make_thread_row(Thread(thread_id, now, now, now, {}))
        async with self.storage.engine.begin() as connection:
            await connection.execute(insert(threads).values({**row, "fence": token}))
        return Fence(thread_id, token)

    async def take_over(self, fence: Fence) -> None:
        """The thread changes hands."""
        this = threads.c.thread_id == fence.thread_id
        async with self.storage.engine.begin() as connection:
            await connection.execute(update(threads).where(this).values(fence=fence.token + 1))

    async def put(self, thread_id: str, *, text: str = "x", parent: str | None = None) -> str:
        """Store a checkpoint; returns its id."""
        checkpoint = make_checkpoint(text)
        config = make_config(thread_id, parent)
        versions = checkpoint["channel_versions"]
        await self.saver.aput(config, checkpoint, {"source": "loop", "step": 1}, versions)
        return checkpoint["id"]

    async def read(self, thread_id: str) -> list[list[str]]:
        """The values of all checkpoints of a thread, newest first."""
        found = self.saver.alist(make_config(thread_id))
        return [item.checkpoint["channel_values"]["text"] async for item in found]


def make_config(thread_id: str, checkpoint_id: str | None = None) -> Any:
    """LangGraph's configuration for a thread."""
    names = {"thread_id": thread_id, "checkpoint_ns": ""}
    return {
        "configurable": {**names, **({"checkpoint_id": checkpoint_id} if checkpoint_id else {})}
    }


def make_checkpoint(text: str = "x", **values: Any) -> Checkpoint:
    """A checkpoint with these values."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"text": [text], **values}
    checkpoint["channel_versions"] = dict.fromkeys(checkpoint["channel_values"], checkpoint["id"])
    return checkpoint


@contextmanager
def running_under(fence: Fence) -> Iterator[None]:
    """As a run does, from its first line to its last."""
    before = current_fence.set(fence)
    try:
        yield
    finally:
        current_fence.reset(before)


@asynccontextmanager
async def open_place(url: str) -> AsyncIterator[Place]:
    """Open a database for as long as the block lasts."""
    storage = await open_storage(url, Identity("127.0.0.1:1", "tests"))
    try:
        yield Place(storage, url)
    finally:
        await storage.close()
