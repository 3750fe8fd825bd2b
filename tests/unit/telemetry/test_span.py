"""Spans as graphs and libraries use them by OpenTelemetry's own names."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from graphwarden.telemetry.span import RecordedSpan
from graphwarden.telemetry.tracer import Tracer, Tracers


class Seen(SpanProcessor):
    """A processor that somebody else adds."""

    def __init__(self) -> None:
        self.begun: list[Mapping[str, Any]] = []
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Any, parent_context: context.Context | None = None) -> None:
        self.begun.append(dict(span.attributes))

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def start(ratio: float = 1.0, *, keeps: bool = False) -> tuple[Tracer, Seen]:
    tracers, seen = Tracers(Resource.create({"service.name": "tests"}), ratio, keeps=keeps), Seen()
    tracers.add_span_processor(seen)
    return tracers.get_tracer("a.library", "2.0"), seen


def make(**other: Any) -> RecordedSpan:
    span = start()[0].start_span("x", **other)
    assert isinstance(span, RecordedSpan)
    return span


def test_processors_of_others_see_each_span_begin_and_end() -> None:
    tracer, seen = start()
    with tracer.start_as_current_span("outer", attributes={"a": 1}):
        tracer.start_span("inner", kind=SpanKind.CLIENT).end()
    inner, outer = seen.ended
    assert seen.begun == [{"a": 1}, {}]
    assert inner.parent == outer.get_span_context()
    assert (inner.kind, outer.attributes) == (SpanKind.CLIENT, {"a": 1})
    assert (inner.resource.attributes["service.name"], outer.end_time is not None) == (
        "tests",
        True,
    )
    assert inner.instrumentation_scope is not None
    assert inner.instrumentation_scope.name == "a.library"


def test_a_span_as_json_is_what_opentelemetry_prints() -> None:
    tracer, seen = start()
    with tracer.start_as_current_span("outer", attributes={"a": 1}) as outer:
        tracer.start_span("inner").end()
    printed = json.loads(seen.ended[0].to_json())
    assert printed["parent_id"] == f"0x{outer.get_span_context().span_id:016x}"
    assert json.loads(seen.ended[1].to_json())["attributes"] == {"a": 1}


def test_who_has_no_span_of_his_own_speaks_to_the_current_one() -> None:
    tracer, seen = start()
    with tracer.start_as_current_span("node"):
        trace.get_current_span().set_attribute("found", 3)
        trace.get_current_span().add_event("half of it")
    assert seen.ended[0].attributes == {"found": 3}
    assert [event.name for event in seen.ended[0].events] == ["half of it"]


async def test_a_function_may_be_a_span_each_time_that_it_is_called() -> None:
    tracer, seen = start()

    @tracer.start_as_current_span("step")
    async def step() -> int:
        return trace.get_current_span().get_span_context().span_id

    assert await step() != await step()
    assert [span.name for span in seen.ended] == ["step", "step"]


@pytest.mark.parametrize("is_current", [True, False])
def test_an_exception_that_leaves_a_graphs_own_span_is_told_as_opentelemetry_does(
    is_current: bool,
) -> None:
    tracer, seen = start()
    begin: Any = tracer.start_as_current_span if is_current else tracer.start_span
    with pytest.raises(KeyError), begin("x"):
        raise KeyError("why")
    with pytest.raises(KeyError), begin("x", record_exception=False, set_status_on_exception=False):
        raise KeyError("why")
    told, untold = seen.ended
    assert told.status.status_code is StatusCode.ERROR
    assert (told.events[0].attributes or {})["exception.type"] == "KeyError"
    assert (untold.status.status_code, list(untold.events)) == (StatusCode.UNSET, [])


def test_what_is_said_after_its_end_is_not_heard() -> None:
    tracer, seen = start()
    span = tracer.start_span("x")
    span.end(5)
    span.end(6)
    span.set_attribute("late", 1)
    span.add_event("late")
    span.update_name("late")
    span.set_status(StatusCode.ERROR)
    (ended,) = seen.ended
    assert (ended.name, ended.end_time, ended.attributes, list(ended.events)) == ("x", 5, {}, [])
    assert ended.status.status_code is StatusCode.UNSET


def test_what_went_well_stays_so() -> None:
    span = make()
    span.set_status(StatusCode.ERROR, "at first")
    span.set_status(StatusCode.UNSET)
    assert span.status.description == "at first"
    span.set_status(StatusCode.OK)
    span.set_status(StatusCode.ERROR)
    assert span.status.status_code is StatusCode.OK


def test_a_loop_that_says_more_and_more_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5")
    span = make()
    for number in range(1000):
        span.set_attribute(f"a{number}", "x" * 100)
        span.add_event("again")
        span.add_link(SpanContext(1, 2, False))
    assert (len(span.attributes), span.dropped_attributes) == (128, 872)
    assert (len(span.events), len(span.links)) == (128, 128)
    assert set(span.attributes.values()) == {"xxxxx"}


def test_limits_hold_for_spans_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")
    tracer, _ = start()
    span = tracer.begin(trace.INVALID_SPAN, "x", SpanKind.INTERNAL, {"a": 1, "b": 2})
    assert isinstance(span, RecordedSpan)
    assert span.attributes == {"a": 1}


def test_lists_are_taken_as_they_were() -> None:
    given = ["a"]
    span = make(attributes={"list": given})
    given.append("b")
    assert span.attributes == {"list": ("a",)}


def test_a_span_follows_its_caller_in_trace_sampling_and_state() -> None:
    tracer, _ = start(ratio=0.0)
    state = TraceState([("vendor", "x")])
    above = SpanContext(8, 9, True, TraceFlags(1), state)
    below = trace.set_span_in_context(trace.NonRecordingSpan(above))
    span = tracer.start_span("x", below)
    inner = tracer.start_span("y", trace.set_span_in_context(span))
    assert isinstance(span, RecordedSpan)
    assert span.parent == above
    for each in (span, inner):
        ids = each.get_span_context()
        assert (ids.trace_id, ids.trace_flags.sampled, ids.trace_state) == (8, True, state)


def test_what_is_not_sampled_hands_on_its_trace() -> None:
    tracer, seen = start(ratio=0.0)
    with tracer.start_as_current_span("x") as span:
        inner = tracer.start_span("y").get_span_context()
    assert not span.is_recording()
    assert inner.trace_id == span.get_span_context().trace_id
    assert (inner.is_valid, inner.trace_flags.sampled, seen.ended) == (True, False, [])


def test_a_graph_that_seeds_chance_gets_other_ids() -> None:
    tracer, _ = start()
    found = set()
    for _ in range(2):
        random.seed(1)
        ids = tracer.start_span("x").get_span_context()
        found |= {ids.trace_id, ids.span_id}
    assert len(found) == 4
