"""The life of a durable run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from graphwarden.worker.runs import (
    ATTEMPT_LIMIT,
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

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
RUN = Run("run-1", "campaign-7", "reply", {}, "digest", NOW, NOW)


def test_a_started_run_belongs_to_its_worker() -> None:
    run = start_run(RUN, "worker-a", LATER)
    assert (run.status, run.attempt, run.worker) == ("running", 1, "worker-a")
    assert (run.created_at, run.updated_at) == (NOW, LATER)


def test_a_run_that_lost_its_worker_is_one_attempt_further() -> None:
    run = start_run(start_run(RUN, "worker-a", NOW), "worker-b", LATER)
    assert (run.attempt, run.worker) == (2, "worker-b")


def test_a_finished_run_belongs_to_nobody() -> None:
    run = finish_run(start_run(RUN, "worker-a", NOW), Outcome("success"), LATER)
    assert (run.status, run.worker) == ("success", None)


def test_a_run_is_given_up_after_the_last_attempt() -> None:
    run = RUN
    for _ in range(ATTEMPT_LIMIT):
        assert may_try_again(run)
        run = start_run(run, "worker", NOW)
    assert not may_try_again(run)
    assert give_up(run).answer["__error__"]["error"] == "WorkerLost"


@pytest.mark.parametrize(
    ("assistant_id", "digest", "same"),
    [("reply", "digest", True), ("reply", "other", False), ("compose", "digest", False)],
)
def test_a_call_is_the_same_by_graph_and_digest(assistant_id: str, digest: str, same: bool) -> None:
    assert is_same_call(RUN, assistant_id, digest) is same


@pytest.mark.parametrize(("made_by", "goes_on"), [("run-1", True), ("run-0", False), (None, False)])
def test_only_a_checkpoint_of_its_own_holds_a_runs_progress(
    made_by: str | None, goes_on: bool
) -> None:
    assert goes_on_from_checkpoint(RUN, made_by) is goes_on


@pytest.mark.parametrize(
    ("status", "has_next", "thread"),
    [
        ("success", False, "idle"),
        ("success", True, "interrupted"),
        ("interrupted", False, "idle"),
        ("interrupted", True, "interrupted"),
        ("error", True, "error"),
        ("timeout", True, "error"),
    ],
)
def test_a_thread_is_left_as_its_run_left_it(status: str, has_next: bool, thread: str) -> None:
    assert make_thread_status(Outcome(status), has_next) == thread  # type: ignore[arg-type]
