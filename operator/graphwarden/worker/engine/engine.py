"""Durable runs of one worker: those it is called for, and those it finds waiting."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from graphwarden.worker.admission import Admission, Place
from graphwarden.worker.channel import Channel, tell_outcome
from graphwarden.worker.engine.caretaker import Caretaker
from graphwarden.worker.engine.foreman import Foreman
from graphwarden.worker.engine.orders import Order
from graphwarden.worker.engine.retention import Retention
from graphwarden.worker.engine.turns import Turn, Turns
from graphwarden.worker.engine.work import DATABASE_ERRORS, Work
from graphwarden.worker.errors import thread_busy, thread_or_assistant_not_found
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.idempotency import asks_the_same, key_reused
from graphwarden.worker.inflight import InFlight, RunHandle
from graphwarden.worker.observer import Observer
from graphwarden.worker.requests import RunRequest
from graphwarden.worker.runs import Outcome, Run
from graphwarden.worker.storage.fence import Fence
from graphwarden.worker.storage.hands import (
    Busy,
    Found,
    NoThread,
    Owned,
    Queued,
    Repeated,
    Suspect,
)
from graphwarden.worker.threads import Thread

if TYPE_CHECKING:
    from graphwarden.worker.storage.database import Storage

logger = logging.getLogger(__name__)

_WAITING_SECONDS = 0.05
_FOLLOW_SECONDS = 0.1
_HOLD_SECONDS = 10.0


class Engine:
    """Starts, finds, follows and stops durable runs."""

    def __init__(
        self,
        storage: Storage,
        graphs: Graphs,
        in_flight: InFlight,
        admission: Admission,
        observer: Observer,
        retention: Retention,
        lease_seconds: float,
    ) -> None:
        self._storage = storage
        self._in_flight = in_flight
        self._turns = Turns()
        self._tasks: set[asyncio.Future[None]] = set()
        self._foreman = Foreman(
            storage, graphs, admission, self._turns, self._perform_claimed, self._keep
        )
        self.kick = self._foreman.kick
        self._work = Work(storage, graphs, observer, retention, self.kick)
        self.caretaker = Caretaker(
            storage, in_flight, graphs, observer.metrics, retention, lease_seconds, self.kick
        )

    async def run(self) -> None:
        """Look for runs, and after other workers, until cancelled."""
        async with asyncio.TaskGroup() as duties:
            duties.create_task(self.caretaker.run())
            duties.create_task(self._foreman.run())

    async def start(self, order: Order, place: Place, channel: Channel | None) -> RunHandle:
        """Start a run whose caller waits for it, or have it wait for its thread.

        Where the same call lost its worker before, that run is finished and its result is the
        answer; the handle then carries its run id.

        Raises:
            ApiError: 404 without a thread, 409 when it is busy and the caller does not wait, 422
                when the key was used for another call.
        """
        wanted = order.to_run(datetime.now(UTC))
        turn = self._turns.add(wanted)
        try:
            begun = await self._begin(wanted, order, attached=True)
            if isinstance(begun, Found | Repeated):
                await self._storage.ownership.adopt(begun.run.run_id)
        except BaseException:
            self._turns.drop(turn)
            raise
        run = begun.run
        if isinstance(begun, Repeated):
            self._turns.drop(turn)
            place.leave()
            return self._repeat(run, channel)
        handle = RunHandle(
            run.run_id,
            run.thread_id,
            cancel_on_disconnect=order.request.on_disconnect == "cancel",
            channel=channel,
        )
        handle.is_durable = True
        if isinstance(begun, Owned):
            self._turns.drop(turn)
            owned = begun
            return self._in_flight.start(
                handle, lambda: self._perform(owned, handle, place, order.request)
            )
        self._turns.keep(turn, run)
        self.kick()
        return self._in_flight.start(
            handle, lambda: self._take_turn(turn, handle, place, order.request)
        )

    async def enqueue(self, order: Order) -> Run:
        """Store a run for whichever worker has room for it.

        Raises:
            ApiError: 404 without a thread, 409 when it is busy and the caller does not wait, 422
                when the key was used for another call.
        """
        begun = await self._begin(order.to_run(datetime.now(UTC)), order, attached=False)
        self.kick()
        return begun.run

    async def follow(self, run: Run) -> Outcome:
        """The end of a run, whoever runs it."""
        handle = self._in_flight.find(run.run_id)
        if handle is not None and handle.task is not asyncio.current_task():
            await asyncio.wait({handle.task})
        found: Run | None = run
        while found is not None and found.status in ("pending", "running"):
            await asyncio.sleep(_FOLLOW_SECONDS)
            try:
                found = await self._storage.runs.fetch_run(run.thread_id, run.run_id)
            except DATABASE_ERRORS as error:
                logger.warning("cannot ask for a run: %s: %s", type(error).__name__, error)
        thread = await self._storage.records.fetch_thread(run.thread_id)
        return make_outcome(found, thread)

    async def stop(self, run: Run, action: str) -> None:
        """Stop a run that waits, or ask its worker to stop it."""
        still = await self._storage.runs.stop([run.run_id], action)
        for other in still:
            handle = self._in_flight.find(other.run_id)
            if handle is not None:
                handle.stop("rollback" if action == "rollback" else "cancelled")
        self.kick()

    async def holder(self, run: Run) -> str | None:
        """The address of another living worker that runs it, or None."""
        mine = self._storage.identity.worker_id
        if run.worker is None or run.worker == mine or run.status != "running":
            return None
        if not await self._storage.liveness.lives(run.worker):
            return None
        return await self._storage.workers.find_address(run.worker)

    async def hold(self, thread_id: str) -> Fence:
        """Own a thread for an edit, as soon as its run has ended.

        Raises:
            ApiError: 409 when it does not end soon.
        """
        until = time.monotonic() + _HOLD_SECONDS
        while True:
            fence = await self._storage.ownership.hold(thread_id)
            if fence is not None:
                return fence
            if time.monotonic() > until:
                raise thread_busy()
            await asyncio.sleep(_WAITING_SECONDS)

    async def remove_thread(self, thread_id: str) -> None:
        """Stop the thread's runs, wherever they are, and forget it.

        Raises:
            ApiError: 409 when a run does not stop.
        """
        for run in await self._storage.runs.list_open(thread_id=thread_id):
            await self.stop(run, "rollback")
        await self.hold(thread_id)
        await self._storage.forget_thread(thread_id)

    def drain(self) -> None:
        """Hand over the runs that nobody here waits for."""
        for handle in list(self._in_flight.handles):
            if handle.is_durable and not handle.has_caller:
                handle.stop("drain")

    def _repeat(self, run: Run, channel: Channel | None) -> RunHandle:
        """The run of an earlier call, for one more caller. It is that call's to stop."""
        handle = RunHandle(run.run_id, run.thread_id, channel=channel)
        handle.is_repeat = True
        handle.begin(self._tell_of(run, channel))
        return handle

    async def _begin(
        self, run: Run, order: Order, *, attached: bool
    ) -> Owned | Queued | Found | Repeated:
        trusted: set[str] = set()
        while True:
            try:
                begun = await self._storage.ownership.begin(
                    run, create_thread=order.create_thread, attached=attached, trusted=trusted
                )
            except NoThread:
                raise thread_or_assistant_not_found() from None
            except IntegrityError:
                if run.idempotency_key is None:
                    raise
                # The same key came twice at once: the other call was first.
                continue
            if isinstance(begun, Repeated) and not asks_the_same(begun.run, run):
                raise key_reused()
            if isinstance(begun, Busy):
                raise thread_busy()
            if not isinstance(begun, Suspect):
                self._stop_here(begun)
                return begun
            suspect = begun.run.worker or ""
            if await self.caretaker.is_dead(suspect):
                await self.caretaker.take_over(suspect)
            trusted.add(suspect)

    def _stop_here(self, begun: Owned | Queued | Found | Repeated) -> None:
        """A run that interrupts others: those of this worker need not wait to be told."""
        if isinstance(begun, Queued) and begun.run.multitask_strategy in ("interrupt", "rollback"):
            reason = begun.run.multitask_strategy
            for other in begun.before:
                handle = self._in_flight.find(other.run_id)
                if handle is not None:
                    handle.stop("rollback" if reason == "rollback" else "cancelled")

    async def _take_turn(
        self,
        turn: Turn,
        handle: RunHandle,
        place: Place,
        request: RunRequest,
    ) -> Outcome:
        """Wait for the thread, then perform; or give the end that came about elsewhere."""
        run = turn.run
        try:
            owned = await turn.claimed
        except asyncio.CancelledError:
            place.leave()
            self._turns.drop(turn)
            if handle.channel is not None:
                await handle.channel.close()
            if handle.stop_reason in ("drain", "ownership", None):
                await asyncio.shield(self._storage.ownership.leave_queue(run.run_id))
                raise
            await self._storage.runs.stop([run.run_id], "interrupt")
            return Outcome("interrupted")
        finally:
            self._turns.drop(turn)
        if owned is not None and owned.run.run_id == run.run_id:
            return await self._perform(owned, handle, place, request)
        if owned is not None:
            # The same call lost its worker while this one waited: one run answers both.
            outcome = await self._perform(owned, handle, place, request)
            await self._storage.runs.close(run.run_id, outcome.status, outcome.error)
            return outcome
        place.leave()
        return await self._tell_of(run, handle.channel)

    async def _tell_of(self, run: Run, channel: Channel | None) -> Outcome:
        """The end of a run that somebody else performs, as the events of one."""
        outcome = await self.follow(run)
        if channel is not None:
            await tell_outcome(channel, run.run_id, run.attempt, outcome)
        return outcome

    async def _perform(
        self, owned: Owned, handle: RunHandle, place: Place, request: RunRequest | None
    ) -> Outcome:
        try:
            return await self._work.perform(owned, handle, request)
        finally:
            place.leave()
            self._foreman.room_made()

    def _perform_claimed(self, owned: Owned, place: Place) -> None:
        """Perform a run that nobody waits for; its events are there for who comes."""
        handle = RunHandle(
            owned.run.run_id,
            owned.run.thread_id,
            channel=Channel(backlog=True),
            has_caller=False,
        )
        handle.is_durable = True
        self._in_flight.start(handle, lambda: self._perform(owned, handle, place, None))

    def _keep(self, work: Awaitable[None]) -> None:
        """See a small piece of work through in the background."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def make_outcome(run: Run | None, thread: Thread | None) -> Outcome:
    """The end of a run as the database tells it."""
    if run is None or thread is None:
        message = "the run was deleted before it ended"
        return Outcome("error", error={"error": "RunDeleted", "message": message})
    error = run.error
    values = thread.values
    if run.status == "success" and thread.interrupts and isinstance(values, dict):
        asked = [interrupt for group in thread.interrupts.values() for interrupt in group]
        values = {**values, "__interrupt__": asked}
    return Outcome(run.status, values=values, error=error)
