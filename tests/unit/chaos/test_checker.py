"""The checker of the kill loops, on journals made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos.checker import check
from chaos.evidence import (
    Accepted,
    Disturbance,
    Evidence,
    Execution,
    StoredCheckpoint,
    StoredEvent,
    StoredRun,
)

KILL = Disturbance("kill", "w1", 1.5, 1.6)


def execute(node: str, at: float, worker: str = "w1", attempt: int = 1) -> Execution:
    return Execution("q", "t", "r", node, attempt, worker, at)


def checkpoint(number: int, attempt: int) -> StoredCheckpoint:
    return StoredCheckpoint("t", "", f"{number:04}", "r", attempt)


def make_evidence(**changes: Any) -> Evidence:
    """A run of two nodes that nothing happened to, with changes."""
    quiet = Evidence(
        executions=[execute("a", 1.0), execute("b", 2.0)],
        effects=[("r", "a", "q"), ("r", "b", "q")],
        accepted=[Accepted("q", "t", "r", ("a", "b"))],
        runs=[StoredRun("r", "t", "q", "success")],
        checkpoints=[checkpoint(1, 1), checkpoint(2, 1)],
        states={"t": ["a", "b"]},
        undisturbed=["a", "b"],
    )
    return replace(quiet, **changes)


def only_problem(evidence: Evidence) -> str:
    (problem,) = check(evidence).problems
    return problem


def test_an_undisturbed_run_is_without_fault() -> None:
    findings = check(make_evidence())
    assert findings.problems == ()
    assert findings.extra_executions == 0


def test_a_run_that_was_accepted_and_is_not_stored_is_lost() -> None:
    assert "is not stored" in only_problem(make_evidence(runs=[]))


def test_a_run_that_does_not_end_in_success_is_lost() -> None:
    runs = [StoredRun("r", "t", "q", "pending")]
    assert "ended as pending" in only_problem(make_evidence(runs=runs))


def test_a_request_that_became_two_runs_is_told() -> None:
    runs = [StoredRun("r", "t", "q", "success"), StoredRun("s", "t", "q", "success")]
    assert "run 2 times" in only_problem(make_evidence(runs=runs))


def test_a_node_that_was_under_way_in_a_killed_worker_may_come_again() -> None:
    again = [execute("a", 1.0), execute("a", 2.0, "w2", 2), execute("b", 3.0, "w2", 2)]
    findings = check(make_evidence(executions=again, disturbances=[KILL]))
    assert findings.problems == ()
    assert findings.extra_executions == 1


def test_a_node_that_comes_again_without_a_kill_is_told() -> None:
    again = [execute("a", 1.0), execute("a", 2.0, "w2", 2), execute("b", 3.0)]
    assert "nothing was done" in only_problem(make_evidence(executions=again))


def test_the_kill_of_another_worker_is_no_excuse() -> None:
    again = [execute("a", 1.0), execute("a", 2.0, "w2", 2), execute("b", 3.0)]
    other = replace(KILL, worker="w3")
    evidence = make_evidence(executions=again, disturbances=[other])
    assert "nothing was done" in only_problem(evidence)


def test_one_kill_excuses_one_repetition_of_a_node() -> None:
    again = [execute("a", 1.0), execute("a", 1.2), execute("a", 2.0, "w2", 2), execute("b", 3.0)]
    everything = replace(KILL, worker=None, since=0.5, until=2.5)
    evidence = make_evidence(executions=again, disturbances=[everything])
    assert "more than once" in only_problem(evidence)


def test_one_kill_excuses_no_more_nodes_than_there_are_branches() -> None:
    first = [execute(node, 1.0) for node in "abc"]
    second = [execute(node, 2.0, "w2", 2) for node in "abc"]
    evidence = make_evidence(executions=[*first, *second], disturbances=[KILL])
    assert "had 3 nodes" in only_problem(evidence)


def test_a_stopped_worker_that_wakes_may_end_its_node() -> None:
    again = [execute("a", 1.0, "w2", 2), execute("a", 2.0, "w1", 1), execute("b", 3.0, "w2", 2)]
    stop = Disturbance("stop", "w1", 0.5, 1.9)
    assert check(make_evidence(executions=again, disturbances=[stop])).problems == ()


def test_a_keyed_effect_that_is_missing_is_told() -> None:
    evidence = make_evidence(effects=[("r", "a", "q")])
    assert "effect of b of q is there 0 times" in only_problem(evidence)


def test_a_keyed_effect_under_two_runs_is_told() -> None:
    effects = [("r", "a", "q"), ("s", "a", "q"), ("r", "b", "q")]
    assert "effect of a of q is there 2 times" in only_problem(make_evidence(effects=effects))


def test_a_checkpoint_of_an_attempt_that_was_over_is_a_zombies() -> None:
    rows = [checkpoint(1, 1), checkpoint(2, 2), checkpoint(3, 1)]
    assert "0003 of run r is of attempt 1" in only_problem(make_evidence(checkpoints=rows))


def test_an_event_of_an_attempt_that_was_over_is_a_zombies() -> None:
    events = [StoredEvent("t", 1, "r", 2), StoredEvent("t", 2, "r", 1)]
    assert "event 2 of run r" in only_problem(make_evidence(events=events))


def test_a_state_that_differs_from_an_undisturbed_run_is_told() -> None:
    assert "undisturbed it is" in only_problem(make_evidence(states={"t": ["a", "b", "b"]}))
