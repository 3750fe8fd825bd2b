"""What is told of a run and its nodes: figures always, spans where somebody wants them.

A graph's author does nothing for it. The span of a run hangs below that of the request that asked
for it, those of nodes below it, and whatever a node does below the node's: spans are current by
context variables, which LangGraph hands on to its tasks and threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphwarden.telemetry import logs
from graphwarden.telemetry.run_store import WORKFLOW
from graphwarden.telemetry.trace import TraceContext
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.runs import Outcome

if TYPE_CHECKING:
    from graphwarden.api.registry import Row
    from graphwarden.worker.spans import Spans, WorkerSpan


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run comes from, as `traceparent` headers."""

    # The request that asked for it, for a run that is begun after the request's end.
    asked_in: str | None = None
    # The span that waited for the answer which this run brings, maybe days ago.
    waited_in: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class Subject:
    """The run that is watched, in the words of its spans."""

    row: Row
    run_id: str
    thread_id: str | None
    attempt: int = 1
    origin: Origin = NOWHERE


@dataclass(slots=True)
class RunWatch:
    """One run at work: what its nodes need to tell of themselves."""

    assistant_id: str
    metrics: Metrics
    spans: Spans | None = None
    span: WorkerSpan | None = None
    # Interrupts that were told, by their ids: each is told where it happened.
    interrupts: set[str] = field(default_factory=set)
    # The span of the last node that waits for an answer, as a `traceparent` header.
    waits_in: str | None = None


current: ContextVar[RunWatch | None] = ContextVar("run_watch", default=None)
# Whether a node is at work, and not what the worker does around it.
in_node: ContextVar[bool] = ContextVar("in_node", default=False)


class Observer:
    """Watches the runs of one worker."""

    def __init__(self, metrics: Metrics, spans: Spans | None = None) -> None:
        self.metrics = metrics
        self.spans = spans

    @contextmanager
    def watch(self, subject: Subject) -> Iterator[RunWatch]:
        """The run that the block performs; `end_run` is told its outcome within."""
        name = subject.row.assistant_id
        watch = RunWatch(name, self.metrics, self.spans)
        logs.bind(
            assistant_id=name,
            run_id=subject.run_id,
            **({"thread_id": subject.thread_id} if subject.thread_id else {}),
        )
        if self.spans is None:
            _bind_trace(subject.origin)
            current.set(watch)
            yield watch
            return
        with self.spans.span(
            f"{WORKFLOW} {name}",
            _describe(subject, self.spans.capability),
            asked_in=subject.origin.asked_in,
            link=subject.origin.waited_in,
            carried=_name_baggage(subject, self.spans.capability),
        ) as watch.span:
            logs.bind(trace_id=watch.span.trace_id)
            current.set(watch)
            yield watch

    def end_run(self, watch: RunWatch, outcome: Outcome, began: float) -> Outcome:
        """Tell how a run ended; `began` by `time.perf_counter`. The outcome, and where it waits."""
        told = "interrupted" if outcome.status == "success" and watch.interrupts else outcome.status
        failure = (outcome.error or {}).get("error", "") if outcome.status != "success" else ""
        if watch.span is not None:
            watch.span.set({"graphwarden.outcome": told})
            if outcome.status in ("error", "timeout"):
                watch.span.fail(failure)
        seconds = time.perf_counter() - began
        self.metrics.workflow_ended(watch.assistant_id, failure, seconds, watch.span)
        if told != "interrupted":
            return outcome
        return Outcome(outcome.status, outcome.values, outcome.error, watch.waits_in)

    def run_stopped(self, watch: RunWatch) -> None:
        """A run was stopped from outside: no failure of its own."""
        if watch.span is not None:
            watch.span.set({"graphwarden.outcome": "cancelled"})


def _bind_trace(origin: Origin) -> None:
    """Without spans the lines of a run still carry the id that its request was answered with."""
    asked = TraceContext.parse(origin.asked_in)
    if asked is not None and "trace_id" not in logs.fields.get():
        logs.bind(trace_id=asked.trace_id)


def _name_baggage(subject: Subject, capability: str) -> dict[str, str]:
    """What spans of libraries, and calls of other graphs, are to be found by."""
    carried = {"assistant_id": subject.row.assistant_id, "capability": capability}
    if subject.thread_id is not None:
        carried["thread_id"] = subject.thread_id
    return carried


def _describe(subject: Subject, capability: str) -> dict[str, Any]:
    row = subject.row
    told: dict[str, Any] = {
        "gen_ai.operation.name": WORKFLOW,
        "gen_ai.workflow.name": row.assistant_id,
        "graphspec.assistant_id": row.assistant_id,
        "graphspec.capability": capability,
        "graphspec.resumable": row.resumable,
        "graphspec.generation": row.generation,
        "graphwarden.run_id": subject.run_id,
        "graphwarden.run.attempt": subject.attempt,
    }
    if subject.thread_id is not None:
        told["gen_ai.conversation.id"] = subject.thread_id
    return told
