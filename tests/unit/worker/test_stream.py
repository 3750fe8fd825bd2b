"""From LangGraph's stream parts to events."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from graphwarden.worker.stream import EventShaper, make_graph_modes


def shape(modes: tuple[str, ...], *parts: Any) -> list[tuple[str, Any]]:
    shaper = EventShaper(modes)
    return [event for part in parts for event in shaper.shape(part)]


@pytest.mark.parametrize(
    ("asked", "streamed"),
    [
        (("values",), ["values"]),
        (("messages", "messages-tuple"), ["messages"]),
        (("events",), ["values"]),
        (("events", "updates"), ["updates"]),
        (("debug", "custom"), ["debug", "custom"]),
    ],
)
def test_langgraph_streams_what_the_modes_need(asked: tuple[str, ...], streamed: list[str]) -> None:
    assert make_graph_modes(asked) == streamed


def test_a_mode_nobody_asked_for_is_not_sent() -> None:
    assert shape(("events",), ((), "values", {"a": 1}), ((), "events", {"e": 1})) == [
        ("events", {"e": 1})
    ]


def test_a_subgraphs_part_is_named_by_its_namespace() -> None:
    assert shape(("updates",), (("sub:1",), "updates", {})) == [("updates|sub:1", {})]


def test_a_message_under_way_is_sent_as_it_grows() -> None:
    chunks = [AIMessageChunk(text, id="m") for text in ("hello", " ", "world")]
    events = shape(("messages",), *(((), "messages", (chunk, {"k": 1})) for chunk in chunks))
    assert events[0] == ("messages/metadata", {"m": {"metadata": {"k": 1}}})
    assert [name for name, _ in events[1:]] == ["messages/partial"] * 3
    assert [data[0].content for _, data in events[1:]] == ["hello", "hello ", "hello world"]
    assert all(isinstance(data[0], AIMessage) for _, data in events[1:])


def test_a_whole_message_is_sent_as_complete() -> None:
    message = AIMessage("hi", id="m")
    events = shape(("messages",), ((), "messages", (message, {})))
    assert events[1] == ("messages/complete", [message])


def test_message_tuples_are_named_messages() -> None:
    chunk = AIMessageChunk("hi", id="m")
    events = shape(("messages-tuple",), (("sub:1",), "messages", (chunk, {"k": 1})))
    assert events == [("messages|sub:1", [chunk, {"k": 1}])]
