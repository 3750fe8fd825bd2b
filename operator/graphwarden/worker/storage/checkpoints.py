"""What LangGraph's savers cannot do with their tables: undo one run, and copy a thread."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.storage.fence import Fence, FencedOff

_COLUMNS = {
    "checkpoints": {
        "postgresql": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, "
        "metadata",
        "sqlite": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata",
    },
    "checkpoint_writes": {
        "postgresql": "checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob"
    },
    "checkpoint_blobs": {"postgresql": "checkpoint_ns, channel, version, type, blob"},
    "writes": {
        "sqlite": "checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value"
    },
}
_RUN_OF = {
    "postgresql": "metadata ->> 'run_id'",
    "sqlite": "json_extract(CAST(metadata AS TEXT), '$.run_id')",
}
_WRITES = {"postgresql": "checkpoint_writes", "sqlite": "writes"}


class Checkpoints:
    """The savers' tables, beside the savers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._dialect = engine.dialect.name

    async def roll_back(self, fence: Fence, run_id: str) -> None:
        """Remove what a run stored: the thread is again as the run found it.

        Raises:
            FencedOff: the thread was taken over.
        """
        names = {"thread": fence.thread_id, "run": run_id, "fence": fence.token}
        ours = f"thread_id = :thread AND {_RUN_OF[self._dialect]} = :run"
        made = f"SELECT checkpoint_id FROM checkpoints WHERE {ours}"  # noqa: S608 - our own words
        async with self._engine.begin() as connection:
            await _require(connection, names, fence)
            for statement in (
                f"DELETE FROM {_WRITES[self._dialect]} "  # noqa: S608
                f"WHERE thread_id = :thread AND checkpoint_id IN ({made})",
                f"DELETE FROM checkpoints WHERE {ours}",  # noqa: S608
            ):
                await connection.execute(text(statement), names)

    async def copy(self, source: str, target: str) -> None:
        """Give another thread all checkpoints of this one."""
        async with self._engine.begin() as connection:
            for table, dialects in _COLUMNS.items():
                columns = dialects.get(self._dialect)
                if columns is not None:
                    statement = (
                        f"INSERT INTO {table} (thread_id, {columns}) "  # noqa: S608
                        f"SELECT :target, {columns} FROM {table} WHERE thread_id = :source"
                    )
                    await connection.execute(text(statement), {"source": source, "target": target})


async def _require(connection: AsyncConnection, names: dict[str, object], fence: Fence) -> None:
    held = (
        "UPDATE graphwarden_threads SET fence = fence WHERE thread_id = :thread AND fence = :fence"
    )
    if not (await connection.execute(text(held), names)).rowcount:
        raise FencedOff(fence.thread_id)
