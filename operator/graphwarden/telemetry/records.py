"""A span as JSON, as `/traces` tells it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from graphwarden.telemetry.span import RecordedSpan

_NANOSECONDS = 1_000_000_000


def read_record(encoded: bytes, resource: Mapping[str, Any]) -> dict[str, Any]:
    """A span out of its bytes; `duration_ms` is None while it is at work.

    Keys: trace_id, span_id, parent_span_id, name, kind, service, started_at (RFC 3339 with
    microseconds), duration_ms, status (unset, ok, error), error_type, attributes, events
    (name, at, attributes) and links (trace_id, span_id).
    """
    span = Span.FromString(encoded)
    attributes = _read_attributes(span.attributes)
    if "graphspec.capability" in resource:
        attributes.setdefault("graphspec.capability", resource["graphspec.capability"])
    started, ended = span.start_time_unix_nano, span.end_time_unix_nano
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "service": resource.get("service.name"),
        "started_at": render_time(started),
        "duration_ms": round((ended - started) / 1e6, 3) if ended else None,
        "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
        "error_type": attributes.get("error.type"),
        "attributes": attributes,
        "events": [
            {
                "name": event.name,
                "at": render_time(event.time_unix_nano),
                "attributes": _read_attributes(event.attributes),
            }
            for event in span.events
        ],
        "links": [
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links
        ],
    }


def sum_up(run: RecordedSpan) -> dict[str, Any]:
    """The line of a run in a list of runs, out of its span; `duration_ms` as above."""
    told, (trace_id, span_id) = run.told, run.names
    started, ended = run.start_time or 0, run.end_time
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "run_id": told.get("graphwarden.run_id"),
        "thread_id": told.get("gen_ai.conversation.id"),
        "assistant_id": told.get("graphspec.assistant_id"),
        "capability": told.get("graphspec.capability"),
        "status": told.get("graphwarden.outcome", "running"),
        "attempt": told.get("graphwarden.run.attempt", 1),
        "error_type": told.get("error.type"),
        "started_at": render_time(started),
        "duration_ms": round((ended - started) / 1e6, 3) if ended else None,
    }


def render_time(nanoseconds: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{clock}.{rest // 1000:06d}Z"


def _read_attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _read_value(pair.value) for pair in pairs}


def _read_value(value: AnyValue) -> Any:
    """A value as JSON has it."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_read_value(each) for each in value.array_value.values]
        case "kvlist_value":
            return _read_attributes(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case kind:
            return getattr(value, kind)
