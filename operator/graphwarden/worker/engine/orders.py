"""A run that is wanted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from graphwarden.worker.encoding import to_jsonable
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.requests import RunRequest
from graphwarden.worker.runs import Run
from graphwarden.worker.threads import Thread


@dataclass(frozen=True, slots=True)
class Order:
    """A run that is wanted: of this graph, on this thread, for this request."""

    graph: LoadedGraph
    assistant_id: str
    request: RunRequest
    run_id: str
    thread_id: str
    create_thread: bool = False
    temporary: bool = False
    key: str | None = None
    traceparent: str | None = None

    def to_run(self, now: datetime) -> Run:
        """The run, not started."""
        delay = self.request.after_seconds
        return Run(
            run_id=self.run_id,
            thread_id=self.thread_id,
            graph_id=self.graph.row.assistant_id,
            assistant_id=self.assistant_id,
            kwargs=to_jsonable(self.request.to_stored()),
            kwargs_digest=self.request.digest(),
            metadata=self.request.metadata,
            multitask_strategy=self.request.multitask_strategy,
            temporary=self.temporary,
            created_at=now,
            updated_at=now,
            not_before=now + timedelta(seconds=delay) if delay else None,
            resumable=self.graph.row.resumable,
            idempotency_key=self.key,
            traceparent=self.traceparent,
        )


def make_wake_run(
    thread: Thread,
    graph_id: str,
    assistant_id: str,
    run_id: str,
    answers: dict[str, object],
    now: datetime,
) -> Run:
    """The run that answers a parked thread's interrupts."""
    request = RunRequest(
        assistant_id=graph_id,
        command={"resume": answers},
        metadata={"graphwarden_source": "wake"},
    )
    return Run(
        run_id=run_id,
        thread_id=thread.thread_id,
        graph_id=graph_id,
        assistant_id=assistant_id,
        kwargs=request.to_stored(),
        kwargs_digest=request.digest(),
        metadata=request.metadata,
        created_at=now,
        updated_at=now,
    )
