"""Server-sent events, read back by the vendor's own decoder."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from langgraph_sdk.sse import SSEDecoder

from graphwarden.worker.encoding import dumps
from graphwarden.worker.sse import HEARTBEAT, make_event_name, render_event

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0:"), min_size=1).filter(
    lambda name: name == name.strip()
)


def decode(stream: bytes) -> list[tuple[str, Any]]:
    decoder = SSEDecoder()
    parts = [decoder.decode(line) for line in stream.split(b"\r\n")]
    return [(part.event, part.data) for part in parts if part is not None]


@given(st.lists(st.tuples(names, json_values), max_size=5))
def test_what_is_sent_is_what_is_read(events: list[tuple[str, Any]]) -> None:
    stream = b"".join(render_event(name, dumps(value)) for name, value in events)
    assert decode(stream) == events


@given(names, json_values)
def test_a_heartbeat_between_events_is_no_event(name: str, value: Any) -> None:
    event = render_event(name, dumps(value))
    assert decode(HEARTBEAT + event + HEARTBEAT) == [(name, value)]


def test_an_event_is_written_as_event_data_id() -> None:
    rendered = render_event("values", b"{}", "7")
    assert rendered == b"event: values\r\ndata: {}\r\nid: 7\r\n\r\n"


def test_a_line_break_in_a_name_cannot_end_the_event() -> None:
    assert decode(render_event("values|a\r\n\r\nevent: forged", b"1")) == [
        ("values|a    event: forged", 1)
    ]


def test_a_subgraphs_event_carries_its_namespace() -> None:
    assert make_event_name("updates", ("sub:1", "inner:2")) == "updates|sub:1|inner:2"
    assert make_event_name("updates", ()) == "updates"


@given(json_values)
def test_json_stays_on_one_line(value: Any) -> None:
    assert b"\n" not in dumps(value)
    assert orjson.loads(dumps(value)) == value
