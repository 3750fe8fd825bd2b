"""The other runs of a thread, as a run finds them when it comes: before it, and the same as it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from graphwarden.worker.idempotency import KEY_KEPT
from graphwarden.worker.runs import Run
from graphwarden.worker.storage.rows import read_run
from graphwarden.worker.storage.tables import runs

OPEN = ("pending", "running")
# For how long the result of a run whose caller was lost is kept for whoever asks the same again.
_ORPHAN_KEPT = timedelta(minutes=10)


async def look_around(connection: AsyncConnection, run: Run) -> tuple[tuple[Run, ...], list[Run]]:
    """The runs before this one on its thread, and those that asked the same."""
    interesting = or_(runs.c.status.in_(OPEN), runs.c.orphaned.is_(True))
    query = select(runs).where(runs.c.thread_id == run.thread_id, interesting)
    found = [read_run(r) for r in await connection.execute(query.order_by(runs.c.run_id))]
    same = [
        other
        for other in found
        if other.graph_id == run.graph_id and other.kwargs_digest == run.kwargs_digest
    ]
    before = tuple(
        other
        for other in found
        if other.status in OPEN
        and (
            other.not_before is None
            or other.not_before <= run.created_at
            or other.started_at is not None
        )
    )
    return before, same


async def find_first(connection: AsyncConnection, run: Run) -> Run | None:
    """The run of an earlier call with the same key, as long as keys are kept."""
    this = runs.c.idempotency_key == run.idempotency_key
    row = (await connection.execute(select(runs).where(this))).first()
    if row is None:
        return None
    first = read_run(row)
    if first.created_at > run.created_at - KEY_KEPT:
        return first
    await connection.execute(update(runs).where(this).values(idempotency_key=None))
    return None


async def stop_all(
    connection: AsyncConnection, before: Collection[Run], run: Run
) -> tuple[Run, ...]:
    """Stop what is on a thread: those that wait at once, those that run as soon as they see it."""
    waiting = [other.run_id for other in before if other.status == "pending"]
    running = [other for other in before if other.status == "running"]
    these = runs.c.run_id.in_(waiting)
    if waiting and run.multitask_strategy == "rollback":
        await connection.execute(delete(runs).where(these))
    elif waiting:
        changes = {"status": "interrupted", "worker": None, "updated_at": run.created_at}
        await connection.execute(update(runs).where(these).values(changes))
    if running:
        running_ids = [other.run_id for other in running]
        await connection.execute(
            update(runs).where(runs.c.run_id.in_(running_ids)).values(cancel=run.multitask_strategy)
        )
    return tuple(running)


def find_lost(same: Collection[Run], now: datetime) -> Run | None:
    """The newest run that asked the same and whose caller was lost with a worker."""
    kept = [run for run in same if run.orphaned and run.updated_at > now - _ORPHAN_KEPT]
    return kept[-1] if kept else None
