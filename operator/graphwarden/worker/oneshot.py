"""A run without a thread: no row, no queue, no checkpoint. The hot path."""

from __future__ import annotations

import asyncio

from graphwarden.worker.admission import Place
from graphwarden.worker.executor import Call, execute
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.observer import Observer
from graphwarden.worker.runs import Outcome, explain_stop


async def run_once(call: Call, handle: RunHandle, place: Place, observer: Observer) -> Outcome:
    """Run a graph and forget it. Ends in an outcome, however it is stopped."""
    channel = handle.channel
    try:
        if channel is not None:
            await channel.emit("metadata", {"run_id": call.run_id, "attempt": call.attempt})
        try:
            outcome = await execute(call, observer, channel.emit if channel is not None else None)
        except asyncio.CancelledError:
            outcome = explain_stop(handle.stop_reason)
        if channel is not None:
            await channel.emit_end(outcome.error)
            await channel.close()
        observer.metrics.run_ended(call.graph.row.assistant_id, outcome.status)
        return outcome
    finally:
        place.leave()
