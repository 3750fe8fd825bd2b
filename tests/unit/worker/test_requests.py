"""The body of a run request: what is taken, what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.types import Send

from graphwarden.worker.errors import ApiError
from graphwarden.worker.requests import (
    RunRequest,
    make_command,
    parse_run_request,
    restore_request,
)

json_objects = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5))


def parse(on_thread: bool = True, **body: Any) -> RunRequest:
    return parse_run_request({"assistant_id": "echo", **body}, on_thread=on_thread)


def test_an_assistant_is_all_a_request_needs() -> None:
    assert parse() == RunRequest(assistant_id="echo")


def test_a_field_nobody_knows_is_ignored() -> None:
    assert parse(something_else=1) == parse()


@pytest.mark.parametrize(
    ("body", "status", "reason", "words"),
    [
        ([], 422, "InvalidRequest", "JSON object"),
        ({}, 422, "MissingAssistantID", '"assistant_id" is a required property'),
        ({"assistant_id": 7}, 422, "InvalidRequest", "`assistant_id`"),
        ({"stream_mode": "bogus"}, 422, "InvalidRequest", "'bogus' is not a stream mode"),
        ({"stream_mode": []}, 422, "InvalidRequest", "`stream_mode`"),
        ({"stream_mode": 3}, 422, "InvalidRequest", "`stream_mode`"),
        ({"config": 1}, 422, "InvalidRequest", "`config`"),
        ({"config": {"recursion_limit": 0}}, 422, "InvalidRequest", "recursion_limit"),
        ({"config": {"recursion_limit": True}}, 422, "InvalidRequest", "recursion_limit"),
        ({"config": {"tags": "a"}}, 422, "InvalidRequest", "`config.tags`"),
        ({"context": []}, 422, "InvalidRequest", "`context`"),
        ({"metadata": "m"}, 422, "InvalidRequest", "`metadata`"),
        ({"command": "go"}, 422, "InvalidRequest", "`command`"),
        ({"command": {"goto": {"input": 1}}}, 422, "InvalidRequest", "`command.goto`"),
        ({"durability": "later"}, 422, "InvalidRequest", "`durability`"),
        ({"if_not_exists": "maybe"}, 422, "InvalidRequest", "`if_not_exists`"),
        ({"on_disconnect": "cry"}, 422, "InvalidRequest", "`on_disconnect`"),
        ({"interrupt_before": "a"}, 422, "InvalidRequest", "`interrupt_before`"),
        ({"feedback_keys": ["k"]}, 422, "UnsupportedField", "`feedback_keys`"),
    ],
)
def test_what_cannot_be_served_is_refused(body: Any, status: int, reason: str, words: str) -> None:
    if isinstance(body, dict) and reason != "MissingAssistantID":
        body = {"assistant_id": "echo", **body}
    with pytest.raises(ApiError) as refused:
        parse_run_request(body, on_thread=True)
    assert (refused.value.status, refused.value.reason) == (status, reason)
    assert words in refused.value.detail


@pytest.mark.parametrize("field", ["feedback_keys", "langsmith_tracer", "strict_resume"])
def test_an_unsupported_field_that_asks_nothing_is_taken(field: str) -> None:
    assert parse(**{field: None}) == parse(**{field: False}) == parse()


def test_configurable_and_context_together_are_refused_as_the_reference_does() -> None:
    with pytest.raises(ApiError) as refused:
        parse(config={"configurable": {"a": 1}}, context={"b": 1})
    assert refused.value.status == 400
    assert refused.value.detail.startswith("Cannot specify both configurable and context.")


def test_resuming_without_a_thread_is_refused_as_the_reference_does() -> None:
    with pytest.raises(ApiError) as refused:
        parse(on_thread=False, command={"resume": "yes"})
    assert refused.value.status == 400
    assert refused.value.detail == "You must provide a thread_id when resuming."


def test_a_checkpoint_without_a_thread_is_refused() -> None:
    with pytest.raises(ApiError, match="`checkpoint` is not supported"):
        parse(on_thread=False, checkpoint={"checkpoint_id": "c"})


def test_a_checkpoint_may_be_named_by_id_alone() -> None:
    assert parse(checkpoint_id="c").checkpoint == {"checkpoint_id": "c"}


def test_one_stream_mode_needs_no_list() -> None:
    assert parse(stream_mode="updates").stream_modes == ("updates",)


def test_a_stream_mode_named_twice_is_streamed_once() -> None:
    assert parse(stream_mode=["values", "updates", "values"]).stream_modes == ("values", "updates")


def test_a_command_goes_to_nodes_and_sends() -> None:
    command = make_command({"goto": ["a", {"node": "b", "input": 1}], "update": [["k", 1]]})
    assert command.goto == ["a", Send("b", 1)]
    assert command.update == [("k", 1)]


@given(json_objects, json_objects, st.sampled_from(["sync", "async", "exit"]))
def test_a_stored_request_comes_back_whole(
    given_input: Any, metadata: Any, durability: str
) -> None:
    request = parse(input=given_input, metadata=metadata, durability=durability)
    again = restore_request("echo", request.to_kwargs(), metadata)
    assert again == request
    assert again.digest() == request.digest()


@given(json_objects)
def test_the_order_of_keys_does_not_change_a_call(values: dict[str, Any]) -> None:
    backwards = dict(reversed(values.items()))
    assert parse(input=values).digest() == parse(input=backwards).digest()


@pytest.mark.parametrize(
    "other",
    [
        {"input": {"a": 2}},
        {"context": {"tone": "formal"}},
        {"command": {"resume": 1}},
        {"config": {"recursion_limit": 3}},
        {"interrupt_before": ["a"]},
    ],
)
def test_a_call_that_asks_something_else_has_another_digest(other: dict[str, Any]) -> None:
    assert parse(**{"input": {"a": 1}, **other}).digest() != parse(input={"a": 1}).digest()


def test_how_the_answer_travels_does_not_change_a_call() -> None:
    streamed = parse(stream_mode=["updates"], on_disconnect="cancel", if_not_exists="create")
    assert streamed.digest() == parse().digest()
