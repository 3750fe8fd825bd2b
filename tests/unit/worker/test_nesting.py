"""Runs that another run's node asks for."""

from __future__ import annotations

from typing import Any

from graphwarden.worker.nesting import find_calling_run, make_nested_thread_id, nest_request
from graphwarden.worker.requests import RunRequest

TASK = {"langgraph_checkpoint_ns": "far:1f3c"}


def asked(**other: Any) -> RunRequest:
    config = {"configurable": {"run_id": "run-1", "graph_id": "a", "tone": "x"}, "metadata": TASK}
    return RunRequest("asking", input={"foo": "x"}, config=config, **other)


def test_the_calling_run_is_in_the_configuration() -> None:
    assert find_calling_run(asked()) == "run-1"
    assert find_calling_run(RunRequest("asking")) is None


def test_a_task_finds_its_thread_again() -> None:
    one = make_nested_thread_id("deal-1", asked())
    assert one == make_nested_thread_id("deal-1", asked(stream_modes=("updates",)))
    assert one != make_nested_thread_id("deal-2", asked())
    assert one != make_nested_thread_id("deal-1", RunRequest("asking"))


def test_what_is_the_callers_own_stays_with_the_caller() -> None:
    nested = nest_request(asked(metadata={"m": 1}), "deal-1", {}, waits=False)
    assert nested.config == {"configurable": {"tone": "x"}}
    assert nested.metadata == {"m": 1, "parent_thread_id": "deal-1"}
    assert nested.if_not_exists == "create"
    assert nested.input == {"foo": "x"}


def test_the_answer_to_the_caller_is_the_answer_to_what_waits_inside_it() -> None:
    nested = nest_request(asked(), "deal-1", {"command": {"resume": "yes"}}, waits=True)
    assert (nested.input, nested.command) == (None, {"resume": "yes"})


def test_a_nested_run_that_waits_for_nothing_gets_its_input() -> None:
    nested = nest_request(asked(), "deal-1", {"command": {"resume": "yes"}}, waits=False)
    assert (nested.input, nested.command) == ({"foo": "x"}, None)


def test_a_node_that_answers_by_itself_is_not_overruled() -> None:
    request = asked(command={"resume": "mine"})
    nested = nest_request(request, "deal-1", {"command": {"resume": "theirs"}}, waits=True)
    assert nested.command == {"resume": "mine"}
