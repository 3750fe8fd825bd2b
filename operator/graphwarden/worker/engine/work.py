"""One run, from the moment its thread is ours to the moment we let go of it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from langchain_core.runnables import RunnableConfig
from sqlalchemy.exc import SQLAlchemyError

from graphwarden.worker.channel import END_OF_RUN, Channel
from graphwarden.worker.encoding import to_jsonable
from graphwarden.worker.engine.retention import Retention
from graphwarden.worker.errors import ApiError
from graphwarden.worker.executor import Call, Emit, execute
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.idempotency import KEY_KEPT
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.observer import Observer, Origin
from graphwarden.worker.parking import find_wake_time
from graphwarden.worker.requests import RunRequest, restore_request
from graphwarden.worker.runs import (
    Outcome,
    Run,
    explain_stop,
    finish_run,
    give_up,
    goes_on_from_checkpoint,
    make_thread_status,
    may_go_on,
    render_run,
    resume_run,
)
from graphwarden.worker.snapshots import make_interrupts
from graphwarden.worker.storage.fence import FencedOff, RunBroken, StorageBroken, current_fence
from graphwarden.worker.storage.hands import Owned, ThreadEnd

if TYPE_CHECKING:
    from graphwarden.worker.storage.database import Storage

logger = logging.getLogger(__name__)

DATABASE_ERRORS = (SQLAlchemyError, psycopg.Error, OSError)
# Nobody wished for the end of the run: another worker goes on with it.
_NOT_WISHED = ("drain", "ownership", None)
_BACK_SOON = timedelta(seconds=1)
# How long a run that nobody waited for can still be asked for when nothing of it is to be kept.
_LAST_LOOK = timedelta(minutes=1)


class Work:
    """Performs runs whose threads this worker owns."""

    def __init__(
        self,
        storage: Storage,
        graphs: Graphs,
        observer: Observer,
        retention: Retention,
        on_freed: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._graphs = graphs
        self._observer = observer
        self._metrics = observer.metrics
        self._retention = retention
        self._on_freed = on_freed

    async def perform(
        self, owned: Owned, handle: RunHandle, request: RunRequest | None = None
    ) -> Outcome:
        """Run it to its end, store the end, and free the thread.

        Args:
            owned: the run and our hold on its thread.
            handle: how it is stopped, and where its events go.
            request: what the caller who waits here asked, which decides the events it gets.

        Raises:
            RunBroken: somebody else goes on with it.
            asyncio.CancelledError: it was handed back on the way out of this worker.
        """
        current_fence.set(owned.fence)
        try:
            return await self._perform(owned, handle, request)
        except FencedOff:
            logger.warning("run taken over by another worker", extra=_name(owned.run))
            self._metrics.run_ended(owned.run.graph_id, "handed_over")
            raise
        except StorageBroken as problem:
            logger.warning("run handed back: %s", problem, extra=_name(owned.run))
            later = datetime.now(UTC) + _BACK_SOON
            await self._hand_back(owned, handle, later)
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(owned, handle, None))
            raise
        finally:
            if handle.channel is not None:
                # Without an end where there was none: no reader may take this for the end.
                await handle.channel.close()

    async def _perform(
        self, owned: Owned, handle: RunHandle, request: RunRequest | None
    ) -> Outcome:
        run = owned.run
        channel = handle.channel
        if channel is not None and run.kwargs.get("stream_resumable"):
            channel.keep(self._make_record(owned))
        graph: LoadedGraph | None = None
        try:
            if channel is not None:
                await channel.emit("metadata", {"run_id": run.run_id, "attempt": run.attempt})
            graph = self._graphs.require(self._graphs.slots[run.graph_id])
            outcome = await self._execute(owned, graph, handle, request)
        except asyncio.CancelledError:
            if handle.stop_reason in _NOT_WISHED and run.resumable:
                raise
            outcome = explain_stop(handle.stop_reason)
        except ApiError as error:
            outcome = Outcome("error", error={"error": error.reason, "message": error.detail})
        except DATABASE_ERRORS as error:
            raise StorageBroken(f"{type(error).__name__}: {error}") from error
        handle.is_settled = True
        rollback = run.cancel == "rollback" or handle.stop_reason in ("rollback", "deleted")
        await self._end(owned, graph, outcome, handle, rollback=rollback)
        if channel is not None:
            await channel.emit_end(None)
        return outcome

    async def _execute(
        self, owned: Owned, graph: LoadedGraph, handle: RunHandle, asked: RunRequest | None
    ) -> Outcome:
        run = owned.run
        if run.cancel is not None:
            return Outcome("interrupted")
        request = restore_request(run.graph_id, run.kwargs, run.metadata)
        graph_input = request.graph_input()
        if not owned.fresh and run.resumable:
            reached = await self._find_progress(run)
            resumed = resume_run(run, reached)
            if not may_go_on(resumed):
                return give_up(run)
            await self._storage.ownership.record_resumption(owned.fence, resumed)
            logger.info("going on with a run that lost its worker", extra=_name(run))
            if reached is not None:
                # The newest checkpoint is the one to go on from, wherever the run once forked.
                request, graph_input = replace(request, checkpoint={}), None
        if asked is not None:
            request = replace(
                request,
                stream_modes=asked.stream_modes,
                stream_subgraphs=asked.stream_subgraphs,
            )
        call = Call(
            graph,
            request,
            graph_input,
            run.run_id,
            run.thread_id,
            run.attempt,
            run.assistant_id,
            await self._find_origin(run, request),
        )
        emit = handle.channel.emit if handle.channel is not None else None
        if emit is not None and not run.resumable:
            return await _execute_keeping_values(call, self._observer, emit)
        return await execute(call, self._observer, emit)

    async def _find_origin(self, run: Run, request: RunRequest) -> Origin:
        """Who asked for the run, and the span that waited for what it brings."""
        waited_in: str | None = None
        if self._observer.spans is not None and (request.command or {}).get("resume") is not None:
            waited_in = await self._storage.records.find_waiting(run.thread_id)
        return Origin(run.traceparent, waited_in)

    async def _find_progress(self, run: Run) -> str | None:
        """The newest checkpoint of the thread, if this run made it."""
        config: RunnableConfig = {"configurable": {"thread_id": run.thread_id}}
        checkpoint = await self._storage.checkpointer.aget_tuple(config)
        if checkpoint is None:
            return None
        made_by = checkpoint.metadata.get("run_id")
        if not goes_on_from_checkpoint(run, made_by):
            return None
        return str(checkpoint.checkpoint["id"])

    def _make_record(self, owned: Owned) -> Callable[[Sequence[tuple[str, bytes]]], Any]:
        async def record(batch: Sequence[tuple[str, bytes]]) -> list[int]:
            texts = [(event, data.decode()) for event, data in batch]
            try:
                stored = await self._storage.events.append(owned.fence, owned.run.run_id, texts)
            except DATABASE_ERRORS as error:
                raise StorageBroken(f"events were not stored: {error}") from error
            return [item.seq for item in stored]

        return record

    async def _end(
        self,
        owned: Owned,
        graph: LoadedGraph | None,
        outcome: Outcome,
        handle: RunHandle,
        *,
        rollback: bool,
    ) -> None:
        run = finish_run(owned.run, outcome, datetime.now(UTC))
        if rollback and run.resumable:
            await self._until_stored(lambda: self._storage.roll_back(owned.fence, run.run_id))
        try:
            end = await self._read_end(run, graph, outcome, handle, rollback=rollback)
        except (RunBroken, *DATABASE_ERRORS):
            raise
        except Exception as error:
            # A graph that cannot tell its state must not keep its thread for ever.
            logger.exception("the state of the thread cannot be read", extra=_name(run))
            told = {"error": type(error).__name__, "message": f"no state after the run: {error}"}
            run = replace(run, status="error", error=told)
            end = ThreadEnd("error", error=told, expires_at=None)
        if handle.channel is not None:
            await _tell_end(handle.channel, run, end, outcome)
        webhook = _make_webhook(run, end) if run.kwargs.get("webhook") and not rollback else None
        others_wait = await self._until_stored(
            lambda: self._storage.ownership.finish(
                owned, run, end, keep_run=not rollback, webhook=webhook
            )
        )
        if others_wait:
            self._on_freed()
        self._metrics.run_ended(run.graph_id, outcome.status)
        if run.temporary and handle.has_caller and run.idempotency_key is None:
            await self._storage.forget_thread(run.thread_id)

    async def _read_end(
        self,
        run: Run,
        graph: LoadedGraph | None,
        outcome: Outcome,
        handle: RunHandle,
        *,
        rollback: bool,
    ) -> ThreadEnd:
        """What the thread looks like now."""
        values, interrupts, has_next = outcome.values, {}, False
        if graph is not None and run.resumable:
            config: RunnableConfig = {"configurable": {"thread_id": run.thread_id}}
            async with graph.open("threads.read", config) as pregel:
                snapshot = await self._until_stored(lambda: pregel.aget_state(config))
            values, interrupts = snapshot.values, make_interrupts(snapshot)
            has_next = bool(snapshot.next)
        shown = to_jsonable(interrupts)
        quiet = Outcome("success") if rollback else outcome
        now = run.updated_at
        return ThreadEnd(
            status=make_thread_status(quiet, has_next),
            values=to_jsonable(values),
            interrupts=shown,
            error=None if rollback else outcome.error,
            wake_at=find_wake_time(shown) if outcome.status == "success" else None,
            waits_in=outcome.waits_in,
            expires_at=now + (_LAST_LOOK if run.idempotency_key is None else KEY_KEPT)
            if run.temporary
            else self._retention.first_look(now, waits=has_next),
        )

    async def _hand_back(
        self, owned: Owned, handle: RunHandle, not_before: datetime | None
    ) -> None:
        with suppress(FencedOff):
            await self._until_stored(
                lambda: self._storage.ownership.hand_back(
                    owned, orphaned=handle.has_caller, not_before=not_before
                )
            )
        self._on_freed()
        self._metrics.run_ended(owned.run.graph_id, "handed_over")

    async def _until_stored(self, store: Callable[[], Awaitable[Any]]) -> Any:
        """Try until the database takes it: an end that is not stored is no end."""
        pause = 0.1
        while True:
            try:
                return await store()
            except FencedOff:
                raise
            except (*DATABASE_ERRORS, RunBroken) as error:
                logger.warning("not stored, trying again: %s: %s", type(error).__name__, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)


async def _tell_end(channel: Channel, run: Run, end: ThreadEnd, outcome: Outcome) -> None:
    """The last events, stored while the thread is still ours: a run that is over has them all."""
    if outcome.error is not None:
        await channel.emit("error", outcome.error)
    if channel.is_kept:
        asked = [interrupt for group in end.interrupts.values() for interrupt in group]
        told = {
            "status": run.status,
            "interrupts": asked if run.status == "success" else [],
            "error": outcome.error,
        }
        await channel.emit(END_OF_RUN, told)
    await channel.flush()


async def _execute_keeping_values(call: Call, observer: Observer, emit: Emit) -> Outcome:
    """Stream a graph without a checkpoint, and have its final values all the same."""
    asked = call.request.stream_modes
    last: Any = None

    async def emit_and_keep(event: str, data: Any) -> None:
        nonlocal last
        if event == "values":
            last = data
        if event != "values" or "values" in asked:
            await emit(event, data)

    modes = asked if "values" in asked else (*asked, "values")
    request = replace(call.request, stream_modes=modes)
    outcome = await execute(replace(call, request=request), observer, emit_and_keep)
    return replace(outcome, values=last) if outcome.status == "success" else outcome


def _make_webhook(run: Run, end: ThreadEnd) -> dict[str, Any]:
    now = run.updated_at
    payload = {
        **render_run(run),
        "run_started_at": run.started_at.isoformat() if run.started_at else None,
        "run_ended_at": now.isoformat(),
        "values": end.values,
    }
    if end.error is not None:
        payload["error"] = end.error
    return {
        "delivery_id": str(uuid.uuid4()),
        "run_id": run.run_id,
        "url": run.kwargs["webhook"],
        "payload": to_jsonable(payload),
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def _name(run: Run) -> dict[str, Any]:
    return {"run_id": run.run_id, "thread_id": run.thread_id, "attempt": run.attempt}
