"""Spans of calls, each made as a whole when its call has ended.

While a call is under way it carries two ids and nothing more, so that the short way stays short.
OpenTelemetry is imported where spans are made at all.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from graphwarden.telemetry.trace import TraceContext

if TYPE_CHECKING:
    from opentelemetry.trace import SpanKind

    from graphwarden.telemetry.pipeline import Store, Tracing

# Segments of paths that are words of the API; all others are ids.
_WORDS = frozenset(
    {
        *("runs", "wait", "stream", "events", "batch", "join", "cancel", "crons"),
        *("threads", "state", "history", "checkpoint", "copy", "commands", "search", "count"),
        *("assistants", "graph", "schemas", "subgraphs", "versions", "latest", "prune"),
        *("store", "items", "namespaces", "pages", "mcp", "info"),
    }
)


@dataclass(slots=True)
class Sent:
    """A call at one worker: its span, and its times by the monotonic clock. Status 0: none came."""

    endpoint: str
    span_id: str
    began: float
    ended: float = 0.0
    status: int = 0
    failure: str = ""


class Ended(Protocol):
    """What a span says of a call."""

    pool: str
    assistant: str

    @property
    def trace(self) -> TraceContext:
        """Its place in a trace."""

    @property
    def sent(self) -> Sequence[Sent]:
        """The workers it was sent to, the last of which answered."""


class CallSpans:
    """Makes the spans of calls."""

    def __init__(self, tracing: Tracing) -> None:
        from opentelemetry import trace

        self._tracing = tracing
        self._otel = trace

    @property
    def store(self) -> Store | None:
        """What the router keeps of the last traces."""
        return self._tracing.store

    def note(
        self, method: str, path: str, status: int, outcome: str, call: Ended, seconds: float
    ) -> None:
        """A call has ended just now, after so many seconds."""
        context = call.trace
        if not context.sampled and self._tracing.store is None:
            return
        now, clock = time.time_ns(), time.monotonic()
        route = name_route(path)
        told = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "graphspec.assistant_id": call.assistant,
            "graphspec.capability": call.pool,
            "graphwarden.outcome": outcome,
            "graphwarden.attempts": len(call.sent),
        }
        failure = "" if outcome in ("ok", "client_error") else outcome
        keep = method == "POST" and makes_runs(path, call.assistant)
        kinds = self._otel.SpanKind
        span = (f"{method} {route}", context.span_id, context.parent_id, kinds.SERVER)
        self._put(context, span, told, failure, now - int(seconds * 1e9), now, keep=keep)
        for sent in call.sent:
            began, ended = (now - int((clock - at) * 1e9) for at in (sent.began, sent.ended))
            host, _, port = sent.endpoint.rpartition(":")
            told = {
                "http.request.method": method,
                "server.address": host,
                "server.port": int(port),
                "http.response.status_code": sent.status,
                "graphspec.assistant_id": call.assistant,
            }
            span = (method, sent.span_id, context.span_id, kinds.CLIENT)
            self._put(context, span, told, sent.failure, began, ended, keep=keep)

    def _put(
        self,
        context: TraceContext,
        span: tuple[str, str, str, SpanKind],
        told: Mapping[str, Any],
        failure: str,
        began: int,
        ended: int,
        *,
        keep: bool,
    ) -> None:
        name, span_id, parent_id, kind = span
        attributes = {key: value for key, value in told.items() if value not in ("", 0)}
        if failure:
            attributes["error.type"] = failure
        place = TraceContext(context.trace_id, span_id, context.sampled, parent_id)
        made = self._tracing.tracer.make_span(place, name, kind, attributes, began)
        if failure:
            made.set_status(self._otel.StatusCode.ERROR)
        made.close(ended)
        self._tracing.put(made, keep=keep)


def makes_runs(path: str, assistant: str) -> bool:
    """Whether a call is for runs, whose spans are kept."""
    return path == "/runs/batch" or (bool(assistant) and (path == "/mcp" or "/runs" in path))


def name_route(path: str) -> str:
    """A path with its ids left out, of which there are no end."""
    return "/".join(part if part in _WORDS or not part else "{id}" for part in path.split("/"))
