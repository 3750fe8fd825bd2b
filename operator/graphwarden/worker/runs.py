"""The life of a durable run and of its thread. Pure: every change is a new value.

A run is `running` only while its worker owns the thread. Hence a run found `running` by whoever
owns the thread next has lost its worker, and must be finished before anything else happens there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from graphwarden.worker.threads import ThreadStatus

RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]

# A run that took its worker down this often at one place would take down the next one too. It is
# tried again after longer and longer pauses: a storm that kills every worker is over at last.
STALL_LIMIT = 8
_FIRST_PAUSE = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class Run:
    """One run on a thread, as it is stored."""

    run_id: str
    thread_id: str
    graph_id: str
    assistant_id: str
    kwargs: dict[str, Any]
    kwargs_digest: str
    created_at: datetime
    updated_at: datetime
    status: RunStatus = "pending"
    attempt: int = 0
    worker: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    multitask_strategy: str = "enqueue"
    temporary: bool = False
    not_before: datetime | None = None
    cancel: str | None = None
    error: dict[str, str] | None = None
    started_at: datetime | None = None
    resumed_from: str | None = None
    stalls: int = 0
    resumable: bool = True
    orphaned: bool = False
    idempotency_key: str | None = None
    # The request that asked for it, as a `traceparent` header.
    traceparent: str | None = None

    @property
    def thread_metadata(self) -> dict[str, Any]:
        """What a run adds to the metadata of its thread."""
        return {**self.metadata, "graph_id": self.graph_id, "assistant_id": self.assistant_id}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `values` is what the caller gets; `error` is `{error, message}`."""

    status: RunStatus
    values: Any = None
    error: dict[str, str] | None = None
    # The span that waits for an answer, as a `traceparent` header.
    waits_in: str | None = None

    @property
    def answer(self) -> Any:
        """The JSON value of `/wait`: a graph's error is an answer too, under `__error__`."""
        return {"__error__": self.error} if self.error is not None else self.values


def start_run(run: Run, worker: str, now: datetime) -> Run:
    """The run in the hands of a worker: for the first time, or after it lost one."""
    return replace(run, status="running", attempt=run.attempt + 1, worker=worker, updated_at=now)


def finish_run(run: Run, outcome: Outcome, now: datetime) -> Run:
    """The run at its end."""
    return replace(
        run, status=outcome.status, worker=None, updated_at=now, error=outcome.error, cancel=None
    )


_STOPPED = {
    "drain": (
        "WorkerStopped",
        "the worker was stopped before the run ended, and its graph is not resumable",
    ),
    "memory": (
        "MemoryLimit",
        "the worker came near the end of its memory, and this run was ended to keep the others",
    ),
}


def explain_stop(reason: str | None) -> Outcome:
    """The end of a run that was stopped: an error where nobody wished for it."""
    found = _STOPPED.get(reason or "")
    if found is None:
        return Outcome("interrupted")
    return Outcome(
        "error" if reason == "memory" else "interrupted",
        error={"error": found[0], "message": found[1]},
    )


def resume_run(run: Run, checkpoint_id: str | None) -> Run:
    """The next attempt of a run that lost its worker: does it begin further on than the last?"""
    place = checkpoint_id or ""
    stalls = run.stalls + 1 if place == (run.resumed_from or "") else 0
    return replace(run, resumed_from=place, stalls=stalls)


def may_go_on(run: Run) -> bool:
    """Whether a run gets another attempt: not when the last ones all ended at one place."""
    return run.stalls < STALL_LIMIT


def make_pause(stalls: int) -> timedelta:
    """How long a lost run waits that got nowhere this often before; at first not at all."""
    return _FIRST_PAUSE * 2 ** (stalls - 1) if stalls else timedelta(0)


def give_up(run: Run) -> Outcome:
    """The end of a run that loses every worker at one place."""
    message = (
        f"the run lost its worker {run.attempt - 1} times, the last ones at the same step, and is "
        "not tried again"
    )
    return Outcome("error", error={"error": "WorkerLost", "message": message})


def goes_on_from_checkpoint(lost: Run, checkpoint_run_id: str | None) -> bool:
    """Whether a lost run goes on from the thread's last checkpoint, or starts with its input.

    Only a checkpoint that the run itself made holds its progress: an older one is the state that
    the run was about to work on, and its input has not been taken in yet.
    """
    return checkpoint_run_id == lost.run_id


def make_thread_status(outcome: Outcome, has_next: bool) -> ThreadStatus:
    """The thread's status after a run: `interrupted` when nodes wait for somebody to go on."""
    if outcome.status in ("error", "timeout"):
        return "error"
    return "interrupted" if has_next else "idle"


def render_run(run: Run) -> dict[str, Any]:
    """The wire shape of a run."""
    return {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "assistant_id": run.assistant_id,
        "status": run.status,
        "metadata": {
            "created_by": "system",
            **run.metadata,
            "graph_id": run.graph_id,
            "assistant_id": run.assistant_id,
        },
        "kwargs": run.kwargs,
        "multitask_strategy": run.multitask_strategy,
        "created_at": run.created_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
    }
