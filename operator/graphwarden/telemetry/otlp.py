"""Spans as OTLP has them, in the bytes of Protocol Buffers.

Most spans are ids, times and a few attributes that are said of thousands: those are put together
here from parts that were encoded before. Whatever has more to it goes through OpenTelemetry's own
encoder, which takes about ten times as long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.trace import SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from graphwarden.telemetry.span import RecordedSpan, Source, Told

# Field numbers and wire types of `Span` in opentelemetry/proto/trace/v1/trace.proto.
_TRACE_ID, _SPAN_ID, _STATE, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x1a", b"\x22\x08"
_NAME, _STARTED, _ENDED, _ATTRIBUTE = b"\x2a", b"\x39", b"\x41", b"\x4a"
_TIMES = Struct("<sQsQ")
_KINDS = {kind: b"\x30" + bytes([kind.value + 1]) for kind in SpanKind}
_INTERNAL = _KINDS[SpanKind.INTERNAL]
_STATUSES = {
    StatusCode.UNSET: b"\x7a\x00",
    StatusCode.OK: b"\x7a\x02\x18\x01",
    StatusCode.ERROR: b"\x7a\x02\x18\x02",
}
_UNSET = _STATUSES[StatusCode.UNSET]
# The flags: it is known whether the span above is of another process, and whether it is.
_NEAR, _FAR = b"\x85\x01\x00\x01\x00\x00", b"\x85\x01\x00\x03\x00\x00"
# A request holds resources, those hold scopes, and those hold spans.
_RESOURCE_SPANS, _SCOPE_SPANS, _SPAN = b"\x0a", b"\x12", b"\x12"


def encode_span(span: RecordedSpan) -> bytes:
    """One span; one at work ends at 0."""
    if span.wire is not None:
        return span.wire
    # It may end in another thread meanwhile.
    has_ended = span.end_time is not None
    try:
        wire = _encode_any(span) if span.is_rich else _encode_plain(span, span.told)
    except ValueError:
        # A text that is none: better its place and its times than nothing.
        wire = _encode_plain(span, {})
    if has_ended:
        span.wire = wire
    return wire


def encode_request(spans: Sequence[RecordedSpan]) -> bytes:
    """What is sent: an `ExportTraceServiceRequest`."""
    groups: defaultdict[Source, list[bytes]] = defaultdict(list)
    for span in spans:
        groups[span.source].append(_enclose(_SPAN, encode_span(span)))
    parts = []
    for source, group in groups.items():
        resource, scope = _encode_source(source)
        held = _enclose(_SCOPE_SPANS, scope + b"".join(group))
        parts.append(_enclose(_RESOURCE_SPANS, resource + held))
    return b"".join(parts)


def _encode_plain(span: RecordedSpan, told: Told) -> bytes:
    parts = [
        _TRACE_ID,
        span.trace_id.to_bytes(16),
        _SPAN_ID,
        span.span_id.to_bytes(8),
        _encode_name(span.name),
        # Looking up members of enumerations takes long, and nearly all spans are of one kind.
        _INTERNAL if span.kind is SpanKind.INTERNAL else _KINDS[span.kind],
        _TIMES.pack(_STARTED, span.start_time or 0, _ENDED, span.end_time or 0),
        _UNSET if span.has_no_status else _STATUSES[span.status.status_code],
        _FAR if span.is_below_remote else _NEAR,
        *[_encode_attribute(name, value) for name, value in list(told.items())],
    ]
    if span.parent_id:
        parts += (_PARENT_ID, span.parent_id.to_bytes(8))
    if span.state:
        parts.append(_enclose(_STATE, span.state.to_header().encode()))
    return b"".join(parts)


def _encode_any(span: RecordedSpan) -> bytes:
    ((scope_spans,),) = (one.scope_spans for one in encode_spans([span]).resource_spans)
    encoded: bytes = scope_spans.spans[0].SerializeToString()
    return encoded


@lru_cache(2048)
def _encode_name(name: str) -> bytes:
    return _enclose(_NAME, name.encode(errors="replace"))


@lru_cache(2048, typed=True)
def _encode_attribute(name: str, value: AttributeValue) -> bytes:
    """An attribute; nothing of one that Protocol Buffers cannot hold."""
    try:
        match value:
            case bool():
                held = AnyValue(bool_value=value)
            case str():
                held = AnyValue(string_value=value)
            case int():
                held = AnyValue(int_value=value)
            case float():
                held = AnyValue(double_value=value)
            case _:
                return b""
        return _enclose(_ATTRIBUTE, KeyValue(key=name, value=held).SerializeToString())
    except ValueError:
        return b""


def _encode_source(source: Source) -> tuple[bytes, bytes]:
    """What the spans of a source have in common: the resource, and the scope."""
    if source.head is None:
        any_span = RecordedSpan(source, "any", SpanKind.INTERNAL, {}, (1, 1, 0), TraceFlags(0), 0)
        (resource_spans,) = encode_spans([any_span]).resource_spans
        (scope_spans,) = resource_spans.scope_spans
        scope_spans.ClearField("spans")
        scope = scope_spans.SerializeToString()
        resource_spans.ClearField("scope_spans")
        source.head = (resource_spans.SerializeToString(), scope)
    return source.head


def _enclose(field: bytes, held: bytes) -> bytes:
    """A field of texts, bytes or messages: its tag, its length, and what it holds."""
    length = len(held)
    if length < 0x80:
        return b"%b%c%b" % (field, length, held)
    digits = bytearray()
    while length >= 0x80:
        digits.append(length & 0x7F | 0x80)
        length >>= 7
    digits.append(length)
    return b"%b%b%b" % (field, bytes(digits), held)
