"""The life of a durable run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from graphwarden.worker.runs import (
    STALL_LIMIT,
    Outcome,
    Run,
    finish_run,
    give_up,
    goes_on_from_checkpoint,
    make_pause,
    make_thread_status,
    may_go_on,
    resume_run,
    start_run,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
RUN = Run("run-1", "campaign-7", "reply", "uuid", {}, "digest", NOW, NOW)


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


def test_a_run_that_ends_at_one_place_again_and_again_is_given_up() -> None:
    run = replace(RUN, attempt=2)
    for _ in range(STALL_LIMIT):
        assert may_go_on(run)
        run = resume_run(run, None)
    assert not may_go_on(run)
    assert give_up(run).answer["__error__"]["error"] == "WorkerLost"


def test_a_run_that_gets_nowhere_is_tried_after_longer_and_longer_pauses() -> None:
    pauses = [make_pause(stalls).total_seconds() for stalls in range(4)]
    assert pauses == [0, 0.5, 1, 2]


def test_a_run_that_gets_further_with_each_attempt_goes_on() -> None:
    run = RUN
    for number in range(STALL_LIMIT * 3):
        run = resume_run(run, f"checkpoint-{number}")
        assert may_go_on(run)


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
