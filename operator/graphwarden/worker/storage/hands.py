"""What a change of hands can come to, and the words of SQL that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from graphwarden.worker.runs import Run
from graphwarden.worker.storage.fence import Fence
from graphwarden.worker.storage.tables import threads
from graphwarden.worker.threads import ThreadStatus


@dataclass(frozen=True, slots=True)
class Owned:
    """A run in this worker's hands, and the fence it writes under."""

    run: Run
    fence: Fence
    # Whether nobody has worked on it before.
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Queued:
    """A run that waits for its thread, and the runs before it."""

    run: Run
    before: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A run that asked the same and lost its caller: its result is the answer."""

    run: Run


@dataclass(frozen=True, slots=True)
class Repeated:
    """The run of an earlier call with the same key."""

    run: Run


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was stored: other runs are on the thread and the caller does not wait."""

    before: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Suspect:
    """The same call is under way on another worker: does that one live?"""

    run: Run


class NoThread(Exception):
    """There is no such thread, and none was to be made."""


@dataclass(frozen=True, slots=True)
class ThreadEnd:
    """What a run leaves on its thread."""

    status: ThreadStatus
    values: Any = None
    interrupts: Mapping[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None
    wake_at: datetime | None = None
    # The span that waits for an answer, as a `traceparent` header.
    waits_in: str | None = None
    expires_at: datetime | None = None


def under(fence: Fence) -> tuple[ColumnElement[bool], ...]:
    """The thread, as long as this fence is its newest."""
    return (threads.c.thread_id == fence.thread_id, threads.c.fence == fence.token)


def due(table: Any, now: datetime) -> ColumnElement[bool]:
    """Runs that need not wait for a time."""
    return or_(table.c.not_before.is_(None), table.c.not_before <= now)


def has_a_turn(table: Any, now: datetime) -> ColumnElement[bool]:
    """Runs that come before later ones: those that are due, and those that once began."""
    return or_(due(table, now), table.c.started_at.is_not(None))


async def lock_thread(connection: AsyncConnection, thread_id: str) -> Any:
    """The thread's row, locked until the transaction ends."""
    query = select(threads.c.owner, threads.c.fence, threads.c.thread_metadata.label("metadata"))
    query = query.where(threads.c.thread_id == thread_id).with_for_update()
    return (await connection.execute(query)).first()


async def own_thread(
    connection: AsyncConnection, worker_id: str, thread_id: str, fence: int, **changes: Any
) -> Fence:
    """Make a locked thread this worker's, under the next fence."""
    await connection.execute(
        update(threads)
        .where(threads.c.thread_id == thread_id)
        .values(owner=worker_id, fence=fence + 1, **changes)
    )
    return Fence(thread_id, fence + 1)
