"""What is sent, read by OpenTelemetry's own messages and held against its own encoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from graphwarden.telemetry.otlp import encode_request, encode_span
from graphwarden.telemetry.span import RecordedSpan
from graphwarden.telemetry.tracer import Tracers

TRACERS = Tracers(Resource.create({"service.name": "tests"}), 1.0, keeps=False)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)
NAMES = st.text("abc.", min_size=1, max_size=200)
WHOLE = st.integers(-(2**63), 2**63 - 1)
PLAIN = TEXTS | st.booleans() | WHOLE | st.floats(allow_nan=False)
VALUES = PLAIN | st.lists(TEXTS, max_size=3) | st.lists(st.booleans(), max_size=3)
TOLD = st.dictionaries(NAMES, VALUES, max_size=6)
STATUSES = st.sampled_from([(code, text) for code in StatusCode for text in (None, "why")])
ABOVE = SpanContext(7 << 100, 5, True, TraceFlags(1), TraceState([("vendor", "x")]))


def make_span(name: str = "x", scope: str = "tests", **other: Any) -> RecordedSpan:
    span = TRACERS.get_tracer(scope, "1").start_span(name, **other)
    assert isinstance(span, RecordedSpan)
    return span


@given(
    st.lists(
        st.tuples(TEXTS, NAMES, TOLD, st.sampled_from(SpanKind), STATUSES, st.booleans(), TOLD),
        max_size=5,
    )
)
def test_a_request_says_what_the_library_would_say(told: list[tuple[Any, ...]]) -> None:
    spans = []
    for name, scope, attributes, kind, (code, why), is_below, event in told:
        above = trace.set_span_in_context(trace.NonRecordingSpan(ABOVE)) if is_below else None
        span = make_span(name, scope, attributes=attributes, kind=kind, context=above)
        if code is not StatusCode.UNSET:
            span.set_status(code, why if code is StatusCode.ERROR else None)
        if event:
            span.add_event("happened", event)
            span.add_link(ABOVE, event)
        span.end()
        spans.append(span)
    assert read(encode_request(spans)) == read(encode_spans(spans).SerializeToString())


def read(request: bytes) -> dict[bytes, tuple[Any, Any, Span]]:
    """Each span by its id, with its resource and its scope."""
    return {
        span.span_id: (resource_spans.resource, (scope_spans.scope, scope_spans.schema_url), span)
        for resource_spans in ExportTraceServiceRequest.FromString(request).resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    }


def test_values_that_are_equal_and_of_other_kinds_are_told_apart() -> None:
    spans = [make_span(attributes={"a": value}) for value in (1, True, 1.0)]
    kinds = [Span.FromString(encode_span(span)).attributes[0].value for span in spans]
    assert [kind.WhichOneof("value") for kind in kinds] == [
        "int_value",
        "bool_value",
        "double_value",
    ]


@pytest.mark.parametrize("odd", ["\ud800", 2**70])
def test_what_cannot_be_written_is_left_out_and_nothing_else(odd: Any) -> None:
    span = make_span("before \ud800", attributes={"odd": odd, "even": 2})
    read_back = Span.FromString(encode_span(span))
    assert read_back.name == "before ?"
    assert [pair.key for pair in read_back.attributes] == ["even"]


def test_a_status_that_is_no_text_costs_no_more_than_itself() -> None:
    span = make_span("x", attributes={"a": 1})
    span.set_status(StatusCode.ERROR, "\ud800")
    assert Span.FromString(encode_span(span)).name == "x"


def test_a_span_at_work_is_written_as_it_is_each_time() -> None:
    span = make_span()
    first = Span.FromString(encode_span(span))
    span.set_attribute("a", 1)
    assert not first.end_time_unix_nano
    assert len(Span.FromString(encode_span(span)).attributes) == 1


@pytest.fixture(scope="module", autouse=True)
def _close() -> Iterator[None]:
    yield
    TRACERS.shutdown()
