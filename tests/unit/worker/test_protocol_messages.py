"""A run's messages, told step by step."""

from __future__ import annotations

from typing import Any

from graphwarden.worker.protocol.messages import Messages, Told


def chunk(content: Any, name: str = "m1", node: str = "model", **other: Any) -> list[Any]:
    message = {"type": "AIMessageChunk", "id": name, "content": content, **other}
    return [message, {"langgraph_node": node}]


def call(args: str, **other: Any) -> dict[str, Any]:
    piece = {"type": "tool_call_chunk", "id": None, "name": None, "args": args, "index": 0}
    return {"tool_call_chunks": [{**piece, **other}]}


def take(*payloads: Any) -> list[Told]:
    messages = Messages()
    return [told for payload in payloads for told in messages.take((), payload)]


def events(told: list[Told]) -> list[str]:
    return [item.data["event"] for item in told]


def contents(told: list[Told]) -> list[Any]:
    return [item.data["content"] for item in told if item.data["event"].endswith("block-finish")]


def test_a_tool_call_grows_and_is_whole_at_its_end() -> None:
    told = take(
        chunk("", **call('{"q"', id="c1", name="find")),
        chunk("", **call(': "x"}'), chunk_position="last"),
    )
    deltas = [item.data["delta"] for item in told if "delta" in item.data]
    assert deltas == [
        {"type": "tool-call-delta", "args": '{"q"'},
        {"type": "tool-call-delta", "args": ': "x"}'},
    ]
    assert contents(told) == [{"type": "tool_call", "id": "c1", "name": "find", "args": {"q": "x"}}]


def test_a_tool_call_with_broken_arguments_is_an_invalid_one() -> None:
    told = take(chunk("", **call('{"q"', id="c1", name="find"), chunk_position="last"))
    assert contents(told)[0]["type"] == "invalid_tool_call"
    assert contents(told)[0]["args"] == '{"q"'


def test_text_and_a_tool_call_are_two_blocks() -> None:
    told = take(
        chunk("let me see"), chunk("", **call("{}", id="c1", name="find"), chunk_position="last")
    )
    starts = [item.data for item in told if item.data["event"] == "content-block-start"]
    assert [(data["index"], data["content"]["type"]) for data in starts] == [
        (0, "text"),
        (1, "tool_call_chunk"),
    ]


def test_thoughts_are_told_as_thoughts() -> None:
    thought = [{"type": "reasoning", "reasoning": "hm", "index": 0}]
    told = take(chunk(thought, chunk_position="last"))
    assert contents(told) == [{"type": "reasoning", "reasoning": "hm"}]


def test_messages_that_grow_together_are_told_apart() -> None:
    told = take(chunk("a", "m1", "left"), chunk("b", "m2", "right"), chunk("c", "m1", "left"))
    assert [(t.data["id"], t.node) for t in told if "delta" in t.data] == [
        ("m1", "left"),
        ("m2", "right"),
        ("m1", "left"),
    ]


def test_a_message_says_what_it_cost() -> None:
    usage = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
    told = take(chunk("a", usage_metadata=usage), chunk("", chunk_position="last"))
    assert told[-1].data["usage"]["total_tokens"] == 5


def test_a_whole_message_is_told_at_once() -> None:
    told = take([{"type": "human", "id": "h1", "content": "hello"}, {}])
    assert told[0].data["role"] == "human"
    assert events(told)[-2:] == ["content-block-finish", "message-finish"]


def test_the_result_of_a_tool_is_no_message() -> None:
    assert not take([{"type": "tool", "id": "t1", "content": "42", "tool_call_id": "c1"}, {}])


def test_a_message_in_a_shape_of_its_own_is_told_by_its_text() -> None:
    told = take([{"type": "ai", "id": "m1", "content": "hi", "tool_calls": "none"}, {}])
    assert contents(told) == [{"type": "text", "text": "hi"}]


def test_what_is_no_message_is_passed_over() -> None:
    assert not take(None, "text", [1, 2], {"type": "unheard of"})


def test_a_message_that_broke_off_may_begin_again() -> None:
    messages = Messages()
    list(messages.take((), chunk("half")))
    broken = list(messages.break_off())
    again = list(messages.take((), chunk("whole", chunk_position="last")))
    assert events(broken) == ["error"]
    assert contents(again) == [{"type": "text", "text": "whole"}]
