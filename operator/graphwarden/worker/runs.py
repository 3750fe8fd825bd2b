"""The life of a durable run and of its thread. Pure: every change is a new value.

A run is `running` only while its worker owns the thread. Hence a run found `running` by whoever
owns the thread next has lost its worker, and must be finished before anything else happens there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from graphwarden.worker.threads import ThreadStatus

RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]

# A run that took its worker down this often would take down the next one too.
ATTEMPT_LIMIT = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One run on a thread, as it is stored."""

    run_id: str
    thread_id: str
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `values` is what the caller gets; `error` is `{error, message}`."""

    status: RunStatus
    values: Any = None
    error: dict[str, str] | None = None

    @property
    def answer(self) -> Any:
        """The JSON value of `/wait`: a graph's error is an answer too, under `__error__`."""
        return {"__error__": self.error} if self.error is not None else self.values


def start_run(run: Run, worker: str, now: datetime) -> Run:
    """The run in the hands of a worker: for the first time, or after it lost one."""
    return replace(run, status="running", attempt=run.attempt + 1, worker=worker, updated_at=now)


def finish_run(run: Run, outcome: Outcome, now: datetime) -> Run:
    """The run at its end."""
    return replace(run, status=outcome.status, worker=None, updated_at=now)


def may_try_again(run: Run) -> bool:
    """Whether a run that lost its worker gets another one."""
    return run.attempt < ATTEMPT_LIMIT


def give_up(run: Run) -> Outcome:
    """The end of a run that lost every worker it had."""
    message = f"the run lost its worker {run.attempt} times and is not tried again"
    return Outcome("error", error={"error": "WorkerLost", "message": message})


def is_same_call(lost: Run, assistant_id: str, kwargs_digest: str) -> bool:
    """Whether a new call repeats one whose answer was lost with its worker."""
    return lost.assistant_id == assistant_id and lost.kwargs_digest == kwargs_digest


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
