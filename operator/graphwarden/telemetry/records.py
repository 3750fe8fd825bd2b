"""A span as JSON, as `/traces` tells it. Imports OpenTelemetry's SDK for its types alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.util.types import AttributeValue

# Longer texts are only there where content is captured, and cut there.
_NANOSECONDS = 1_000_000_000


def make_record(span: ReadableSpan) -> dict[str, Any]:
    """The span by now; `duration_ms` is None while it is at work.

    Keys: trace_id, span_id, parent_span_id, name, kind, service, started_at (RFC 3339 with
    microseconds), duration_ms, status (unset, ok, error), error_type, attributes, events
    (name, at, attributes) and links (trace_id, span_id).
    """
    ids, parent = span.context, span.parent
    attributes = _plain(span.attributes or {})
    resource = span.resource.attributes
    started = span.start_time or 0
    if "graphspec.capability" in resource:
        attributes.setdefault("graphspec.capability", resource["graphspec.capability"])
    return {
        "trace_id": f"{ids.trace_id:032x}",
        "span_id": f"{ids.span_id:016x}",
        "parent_span_id": f"{parent.span_id:016x}" if parent is not None else None,
        "name": span.name,
        "kind": span.kind.name.lower(),
        "service": resource.get("service.name"),
        "started_at": render_time(started),
        "duration_ms": round((span.end_time - started) / 1e6, 3) if span.end_time else None,
        "status": span.status.status_code.name.lower(),
        "error_type": attributes.get("error.type"),
        "attributes": attributes,
        "events": [
            {
                "name": event.name,
                "at": render_time(event.timestamp),
                "attributes": _plain(event.attributes or {}),
            }
            for event in span.events
        ],
        "links": [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
            }
            for link in span.links
        ],
    }


def render_time(nanoseconds: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{clock}.{rest // 1000:06d}Z"


def _plain(attributes: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Attributes as JSON has them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in attributes.items()
    }
