"""Commands of the thread protocol."""

from __future__ import annotations

from typing import Any

import pytest

from graphwarden.worker.protocol.commands import (
    Command,
    Malformed,
    Refused,
    make_resumption,
    make_start,
    parse_command,
    parse_response,
    refuse,
)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"id": "1", "method": "x"}, {"id": True}, {"id": 1}]
)
def test_a_body_without_number_and_method_is_no_command(body: Any) -> None:
    with pytest.raises(Malformed):
        parse_command(body)


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("state.fork", {}, "unknown_command"),
        ("subscription.subscribe", {}, "invalid_argument"),
        ("subscription.subscribe", {"channels": ["values"]}, "not_supported"),
        ("subscription.unsubscribe", {}, "not_supported"),
    ],
)
def test_what_nobody_serves_is_refused_by_its_name(
    method: str, params: dict[str, Any], error: str
) -> None:
    assert refuse(Command(1, method, params)).error == error


def test_the_input_of_a_waiting_thread_is_the_answer() -> None:
    body = make_start({"assistant_id": "a", "input": {"foo": 1}}, waits=True)
    assert body["command"] == {"resume": {"foo": 1}}
    assert "input" not in body


def test_an_answer_may_be_false() -> None:
    body = make_start({"assistant_id": "a", "input": False}, waits=True)
    assert body["command"] == {"resume": False}


def test_a_run_is_kept_to_be_read_from_every_worker() -> None:
    body = make_start({"assistant_id": "a", "input": {}}, waits=False)
    assert body["stream_resumable"]
    assert body["stream_subgraphs"]
    assert body["if_not_exists"] == "create"


def test_a_start_without_an_assistant_is_refused() -> None:
    with pytest.raises(Refused, match=r"run\.start requires an assistant_id\."):
        make_start({"input": {}}, waits=False)


def test_the_checkpoint_to_fork_from_leaves_the_config() -> None:
    config = {"configurable": {"checkpoint_id": "c1", "thread_id": "t1", "tone": "kind"}}
    body = make_start({"assistant_id": "a", "config": config}, waits=False)
    assert body["checkpoint"] == {"checkpoint_id": "c1"}
    assert body["config"] == {"configurable": {"tone": "kind"}}


def test_several_interrupts_are_answered_at_once() -> None:
    entries = [
        {"interrupt_id": "i1", "namespace": [], "response": "yes"},
        {"interrupt_id": "i2", "namespace": [], "response": None},
    ]
    response = parse_response({"responses": entries, "goto": "end"})
    assert make_resumption(response, "a")["command"] == {
        "resume": {"i1": "yes", "i2": None},
        "goto": "end",
    }


@pytest.mark.parametrize(
    "params", [{}, {"interrupt_id": "i1"}, {"response": 1}, {"responses": ["i1"]}]
)
def test_an_answer_names_its_interrupt_and_says_something(params: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="interrupt_id and a response"):
        parse_response(params)
