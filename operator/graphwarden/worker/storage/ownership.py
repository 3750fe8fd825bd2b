"""Whose thread it is: every change of hands, and every end of a run, each in one transaction.

A thread belongs to one worker at a time: `owner` is that worker's id and `fence` grows with each
change. A run is `running` only on a thread that its worker owns. What waits for a thread is
`pending`, oldest first; `worker` then names the one whose caller waits for the answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graphwarden.worker.runs import Run, start_run
from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.fence import Fence, FencedOff
from graphwarden.worker.storage.hands import (
    Busy,
    Found,
    NoThread,
    Owned,
    Queued,
    Repeated,
    Suspect,
    ThreadEnd,
    lock_thread,
    own_thread,
    under,
)
from graphwarden.worker.storage.others import find_first, find_lost, look_around, stop_all
from graphwarden.worker.storage.rows import make_run_row, make_thread_row
from graphwarden.worker.storage.tables import runs, threads, webhooks
from graphwarden.worker.storage.workers import Identity
from graphwarden.worker.threads import Thread

FIRST_FENCE = 1
# Statements of every run are made once; what they are about comes as parameters.
_ADD_RUN = insert(runs)
_END_RUN = update(runs).where(runs.c.run_id == bindparam("this_run"))
_OTHERS = exists().where(runs.c.thread_id == bindparam("this_thread"), runs.c.status == "pending")
_FREE_THREAD = (
    update(threads)
    .where(
        threads.c.thread_id == bindparam("this_thread"), threads.c.fence == bindparam("this_fence")
    )
    .returning(_OTHERS.label("others_wait"))
)
Begun = Owned | Queued | Found | Repeated | Suspect | Busy


class Ownership:
    """The transactions of one worker on one database."""

    def __init__(self, engine: AsyncEngine, identity: Identity) -> None:
        self._identity = identity
        self._engine = engine
        self._reading = make_reading(engine)
        add = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._add_thread = add(threads).on_conflict_do_nothing().returning(threads.c.thread_id)

    async def begin(
        self,
        run: Run,
        *,
        create_thread: bool,
        attached: bool,
        trusted: Collection[str] = (),
    ) -> Begun:
        """Start the run if its thread is free, else do as its multitask strategy says.

        Args:
            run: as it is asked for.
            create_thread: whether a missing thread is made.
            attached: whether a caller here waits for the result; if not, the run is stored for
                whichever worker has room.
            trusted: workers that are known to live.

        Raises:
            NoThread: there is none, and none is to be made.
            IntegrityError: the same key came on another thread at this moment.
        """
        async with self._engine.begin() as connection:
            return await self.begin_in(
                connection,
                run,
                create_thread=create_thread,
                attached=attached,
                trusted=trusted,
            )

    async def begin_in(
        self,
        connection: AsyncConnection,
        run: Run,
        *,
        create_thread: bool,
        attached: bool,
        trusted: Collection[str] = (),
    ) -> Begun:
        """`begin`, as part of a transaction that does more."""
        if run.idempotency_key is not None:
            first = await find_first(connection, run)
            if first is not None:
                return Repeated(first)
        thread = await lock_thread(connection, run.thread_id)
        if thread is None and not create_thread:
            raise NoThread(run.thread_id)
        if thread is None and attached and run.not_before is None:
            owned = await self._take_new(connection, run)
            if owned is not None:
                return owned
        if thread is None:
            thread = await self._create(connection, run)
        before, same = await look_around(connection, run)
        if attached:
            lost = find_lost(same, run.created_at)
            if lost is not None:
                return Found(lost)
            for other in same:
                if other.worker not in (None, self._identity.worker_id, *trusted):
                    return Suspect(other)
        if run.multitask_strategy == "reject" and (before or thread.owner is not None):
            return Busy(before)
        at_once = run.not_before is None and thread.owner is None and not before
        if attached and at_once:
            return await self._take(connection, run, thread)
        if run.multitask_strategy in ("interrupt", "rollback"):
            before = await stop_all(connection, before, run)
        worker = self._identity.worker_id if attached else None
        waiting = replace(run, status="pending", worker=worker)
        await connection.execute(_ADD_RUN, make_run_row(waiting))
        return Queued(waiting, before)

    async def hold(self, thread_id: str) -> Fence | None:
        """Own a thread for something that is no run; None when it is not free."""
        async with self._engine.begin() as connection:
            thread = await lock_thread(connection, thread_id)
            if thread is None or thread.owner is not None:
                return None
            return await own_thread(connection, self._identity.worker_id, thread_id, thread.fence)

    async def let_go(self, fence: Fence) -> None:
        """Free a thread, if it is still ours."""
        async with self._engine.begin() as connection:
            await connection.execute(update(threads).where(*under(fence)).values(owner=None))

    async def record_resumption(self, fence: Fence, run: Run) -> None:
        """Where this attempt begins, before it does.

        Raises:
            FencedOff: the thread was taken over.
        """
        async with self._engine.begin() as connection:
            held = exists().where(*under(fence))
            changed = await connection.execute(
                update(runs)
                .where(runs.c.run_id == run.run_id, held)
                .values(resumed_from=run.resumed_from, stalls=run.stalls)
            )
            if not changed.rowcount:
                raise FencedOff(fence.thread_id)

    async def finish(
        self,
        owned: Owned,
        run: Run,
        end: ThreadEnd,
        *,
        keep_run: bool = True,
        webhook: dict[str, Any] | None = None,
    ) -> bool:
        """The end of a run, and of our hold on its thread. True when other runs wait for it.

        Raises:
            FencedOff: the thread was taken over; nothing is stored.
        """
        now = run.updated_at
        changes = {
            "status": end.status,
            "thread_values": end.values,
            "interrupts": dict(end.interrupts),
            "error": end.error,
            "wake_at": end.wake_at,
            "wake_graph": run.graph_id if end.wake_at is not None else None,
            "waits_in": end.waits_in,
            "expires_at": end.expires_at,
            "state_updated_at": now,
            "updated_at": now,
            "owner": None,
        }
        if run.temporary:
            # It was made for this run alone, and goes when it is looked at next.
            changes["ttl"] = {"ttl": 0, "strategy": "delete"}
        async with self._engine.begin() as connection:
            held = {"this_thread": run.thread_id, "this_fence": owned.fence.token}
            freed = (await connection.execute(_FREE_THREAD, {**changes, **held})).first()
            if freed is None:
                raise FencedOff(run.thread_id)
            if webhook is not None:
                await connection.execute(insert(webhooks).values(webhook))
            if keep_run:
                ended = {
                    "this_run": run.run_id,
                    "status": run.status,
                    "worker": None,
                    "error": run.error,
                    "cancel": None,
                    "updated_at": now,
                }
                await connection.execute(_END_RUN, ended)
            else:
                await connection.execute(delete(runs).where(runs.c.run_id == run.run_id))
        return bool(freed.others_wait)

    async def hand_back(
        self, owned: Owned, *, orphaned: bool, not_before: datetime | None = None
    ) -> None:
        """Give an unfinished run to whoever has room for it. That was no attempt of its own."""
        async with self._engine.begin() as connection:
            changed = await connection.execute(
                update(threads).where(*under(owned.fence)).values(owner=None)
            )
            if changed.rowcount:
                await connection.execute(
                    update(runs)
                    .where(runs.c.run_id == owned.run.run_id)
                    .values(
                        status="pending",
                        worker=None,
                        orphaned=orphaned,
                        attempt=runs.c.attempt - 1,
                        not_before=not_before,
                    )
                )

    async def leave_queue(self, run_id: str) -> None:
        """The caller of a waiting run is lost to it: any worker may run it."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.status == "pending")
                .values(worker=None, orphaned=True)
            )

    async def adopt(self, run_id: str) -> None:
        """The result of a run that lost its caller has a taker."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(runs).where(runs.c.run_id == run_id).values(orphaned=False)
            )

    async def _create(self, connection: AsyncConnection, run: Run) -> Any:
        """The row of a thread that was not there, locked; somebody else may have made it."""
        await connection.execute(self._add_thread, _make_new_thread(run))
        return await lock_thread(connection, run.thread_id)

    async def _take_new(self, connection: AsyncConnection, run: Run) -> Owned | None:
        """Make the run's thread, in our hands; None where somebody else made it meanwhile."""
        worker = self._identity.worker_id
        held = {"owner": worker, "fence": FIRST_FENCE, "status": "busy", "expires_at": None}
        made = await connection.execute(self._add_thread, {**_make_new_thread(run), **held})
        if made.first() is None:
            return None
        started = replace(start_run(run, worker, run.created_at), started_at=run.created_at)
        await connection.execute(_ADD_RUN, make_run_row(started))
        return Owned(started, Fence(run.thread_id, FIRST_FENCE))

    async def _take(self, connection: AsyncConnection, run: Run, thread: Any) -> Owned:
        now = run.created_at
        started = replace(start_run(run, self._identity.worker_id, now), started_at=now)
        await connection.execute(_ADD_RUN, make_run_row(started))
        fence = await own_thread(
            connection,
            self._identity.worker_id,
            run.thread_id,
            thread.fence,
            status="busy",
            thread_metadata={**thread.metadata, **run.thread_metadata},
            wake_at=None,
            expires_at=None,
            updated_at=now,
        )
        return Owned(started, fence)


def _make_new_thread(run: Run) -> dict[str, Any]:
    now = run.created_at
    return make_thread_row(Thread(run.thread_id, now, now, now, run.thread_metadata))
