"""A run without a thread: no row, no queue, no checkpoint. The hot path."""

from __future__ import annotations

import asyncio

from graphwarden.worker.admission import Place
from graphwarden.worker.executor import Call, execute
from graphwarden.worker.inflight import EventQueue, RunHandle
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.runs import Outcome

_DRAINED = {
    "error": "WorkerStopped",
    "message": "the worker was stopped before the run ended, and its graph is not resumable",
}


async def run_once(
    call: Call, handle: RunHandle, place: Place, events: EventQueue | None, metrics: Metrics
) -> Outcome:
    """Run a graph and forget it. Ends in an outcome, however it is stopped."""
    try:
        if events is not None:
            await events.emit("metadata", {"run_id": call.run_id, "attempt": call.attempt})
        try:
            outcome = await execute(call, events.emit if events is not None else None)
        except asyncio.CancelledError:
            stopped = handle.stop_reason
            outcome = Outcome("interrupted", error=_DRAINED if stopped == "drain" else None)
        if events is not None:
            await send_end(events, outcome)
        metrics.run_ended(call.graph.row.assistant_id, outcome.status)
        return outcome
    finally:
        place.leave()


async def send_end(events: EventQueue, outcome: Outcome) -> None:
    """The last events of a stream: the error, if there is one, and `end`.

    Clients take `end` for "the run is over" and save themselves the question.
    """
    if outcome.error is not None:
        await events.emit("error", outcome.error)
    await events.emit("end", None)
    await events.close()
