"""Runs on threads: one at a time per thread, stored before they start, finished by somebody.

The order of things: own the thread, finish what its last owner left unfinished, store the run, run
it with every superstep checkpointed before the next starts, store the end, let go of the thread.
A worker may be killed at any point of this, and the next owner goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig

from graphwarden.api import names
from graphwarden.worker.admission import Place
from graphwarden.worker.encoding import to_jsonable
from graphwarden.worker.errors import ApiError, thread_busy
from graphwarden.worker.executor import Call, execute
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.inflight import EventQueue, InFlight, RunHandle
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.oneshot import send_end
from graphwarden.worker.requests import RunRequest, restore_request
from graphwarden.worker.runs import (
    Outcome,
    Run,
    finish_run,
    give_up,
    goes_on_from_checkpoint,
    is_same_call,
    make_thread_status,
    may_try_again,
    start_run,
)
from graphwarden.worker.snapshots import make_interrupts

if TYPE_CHECKING:
    from graphwarden.worker.storage.database import Storage
    from graphwarden.worker.storage.locks import Ownership

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """A run that is wanted: of this graph, on this thread, for this request."""

    graph: LoadedGraph
    request: RunRequest
    run_id: str
    thread_id: str
    temporary: bool = False

    def to_run(self, now: datetime) -> Run:
        """The run, not started."""
        return Run(
            run_id=self.run_id,
            thread_id=self.thread_id,
            assistant_id=self.graph.row.assistant_id,
            kwargs=to_jsonable(self.request.to_kwargs()),
            kwargs_digest=self.request.digest(),
            metadata=self.request.metadata,
            multitask_strategy=self.request.multitask_strategy,
            temporary=self.temporary,
            created_at=now,
            updated_at=now,
        )


class DurableRuns:
    """Starts runs on threads."""

    def __init__(
        self, storage: Storage, graphs: Graphs, in_flight: InFlight, metrics: Metrics, worker: str
    ) -> None:
        self._storage = storage
        self._graphs = graphs
        self._in_flight = in_flight
        self._metrics = metrics
        self._worker = worker

    async def start(self, order: Order, place: Place, events: EventQueue | None) -> RunHandle:
        """Start the run, or have it wait for its thread.

        Where the thread's last run lost its worker and asked the same, that run is finished and
        its result is the answer; the handle then carries its run id.

        Raises:
            ApiError: 409 when the thread is busy and the caller does not want to wait.
        """
        ownership = await self._storage.locks.try_acquire(order.thread_id)
        try:
            if ownership is None and order.request.multitask_strategy == "reject":
                raise thread_busy()
            lost = await self._fetch_lost(order) if ownership is not None else None
        except BaseException:
            if ownership is not None:
                await ownership.release()
            raise
        run_id = lost.run_id if lost is not None and _repeats(order, lost) else order.run_id
        cancel = order.request.on_disconnect == "cancel"
        handle = RunHandle(run_id, order.thread_id, cancel_on_disconnect=cancel)
        return self._in_flight.start(
            handle, lambda: self._hold_thread(order, handle, ownership, place, events)
        )

    async def _hold_thread(
        self,
        order: Order,
        handle: RunHandle,
        ownership: Ownership | None,
        place: Place,
        events: EventQueue | None,
    ) -> Outcome:
        try:
            if ownership is None:
                ownership = await self._storage.locks.acquire(order.thread_id)
            outcome = await self._answer(order, handle, events)
            if order.temporary:
                await self.forget_thread(order.thread_id)
        except BaseException:
            # Without an end: the reader must not take this for the end of the run.
            if events is not None:
                await events.close()
            raise
        finally:
            place.leave()
            if ownership is not None:
                await ownership.release()
        if events is not None:
            await send_end(events, outcome)
        return outcome

    async def _answer(self, order: Order, handle: RunHandle, events: EventQueue | None) -> Outcome:
        try:
            lost = await self._fetch_lost(order)
        except ApiError as error:
            return Outcome("error", error={"error": error.reason, "message": error.detail})
        if lost is not None:
            same = _repeats(order, lost)
            asked = order.request if same else None
            outcome = await self._finish_lost(lost, handle, asked, events if same else None)
            if same:
                return outcome
        now = datetime.now(UTC)
        run = start_run(order.to_run(now), self._worker, now)
        return await self._perform(
            run, order.graph, order.request, order.request.graph_input(), handle, events
        )

    async def _fetch_lost(self, order: Order) -> Run | None:
        """The run that lost its worker on this thread. Only its owner can know."""
        lost = await self._storage.records.fetch_running(order.thread_id)
        if lost is not None and lost.assistant_id not in self._graphs.slots:
            detail = (
                f"the last run of this thread, of graph '{lost.assistant_id}', lost its worker; "
                "call that graph on this thread first, so that its own pool finishes the run"
            )
            raise ApiError(409, "LostRunElsewhere", detail)
        return lost

    async def _finish_lost(
        self,
        lost: Run,
        handle: RunHandle,
        asked: RunRequest | None,
        events: EventQueue | None,
    ) -> Outcome:
        """Take a run up where its dead worker left it, and see it through.

        `asked` is the repeated request, whose caller gets the events of this attempt.
        """
        graph = self._graphs.require(self._graphs.slots[lost.assistant_id])
        request = restore_request(lost.assistant_id, lost.kwargs, lost.metadata)
        if not may_try_again(lost):
            outcome = give_up(lost)
            await self._record_end(lost, graph, outcome)
            return outcome
        config: RunnableConfig = {"configurable": {"thread_id": lost.thread_id}}
        checkpoint = await self._storage.checkpointer.aget_tuple(config)
        made_by = checkpoint.metadata.get("run_id") if checkpoint is not None else None
        goes_on = goes_on_from_checkpoint(lost, made_by)
        if goes_on:
            # The newest checkpoint is the one to go on from, wherever the run once forked.
            request = replace(request, checkpoint={})
        run = start_run(lost, self._worker, datetime.now(UTC))
        logger.info(
            "finishing a run that lost its worker",
            extra={
                "run_id": run.run_id,
                "thread_id": run.thread_id,
                "attempt": run.attempt,
                "from_checkpoint": goes_on,
            },
        )
        if asked is not None:
            request = replace(
                request,
                stream_modes=asked.stream_modes,
                stream_subgraphs=asked.stream_subgraphs,
            )
        graph_input = None if goes_on else request.graph_input()
        return await self._perform(run, graph, request, graph_input, handle, events)

    async def _perform(
        self,
        run: Run,
        graph: LoadedGraph,
        request: RunRequest,
        graph_input: Any,
        handle: RunHandle,
        events: EventQueue | None,
    ) -> Outcome:
        await self._storage.records.record_start(run, _thread_metadata(run))
        if events is not None:
            await events.emit("metadata", {"run_id": run.run_id, "attempt": run.attempt})
        call = Call(graph, request, graph_input, run.run_id, run.thread_id, run.attempt)
        try:
            outcome = await execute(call, events.emit if events is not None else None)
        except asyncio.CancelledError:
            if handle.stop_reason in ("drain", "ownership"):
                # The row stays `running`: the thread's next owner finishes the run.
                self._metrics.run_ended(run.assistant_id, "handed_over")
                raise
            outcome = Outcome("interrupted")
        await self._record_end(run, graph, outcome)
        return outcome

    async def _record_end(self, run: Run, graph: LoadedGraph, outcome: Outcome) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": run.thread_id}}
        snapshot = await graph.pregel.aget_state(config)
        await self._storage.records.record_end(
            finish_run(run, outcome, datetime.now(UTC)),
            make_thread_status(outcome, bool(snapshot.next)),
            to_jsonable(snapshot.values),
            to_jsonable(make_interrupts(snapshot)),
            outcome.error,
        )
        self._metrics.run_ended(run.assistant_id, outcome.status)

    async def forget_thread(self, thread_id: str) -> bool:
        """Remove a thread with its runs and checkpoints; the caller owns it. False: no such."""
        await self._storage.checkpointer.adelete_thread(thread_id)
        return await self._storage.records.delete_thread(thread_id)


def _repeats(order: Order, lost: Run) -> bool:
    return is_same_call(lost, order.graph.row.assistant_id, order.request.digest())


def _thread_metadata(run: Run) -> dict[str, Any]:
    return {
        **run.metadata,
        "graph_id": run.assistant_id,
        "assistant_id": names.assistant_uuid(run.assistant_id),
    }
