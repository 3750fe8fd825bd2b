"""Spans of a worker, for those who have them: OpenTelemetry is reached through here alone.

Made only where tracing is on; nothing else of the worker imports OpenTelemetry.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphwarden.worker.content import Content
from graphwarden.worker.statements import Statements

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from graphwarden.telemetry.pipeline import Tracing

Headers = Mapping[str, str]


class WorkerSpan:
    """A span, current until it ends."""

    __slots__ = ("_otel", "_span", "_token")

    def __init__(self, otel: _Otel, span: Span, *, current: bool = True) -> None:
        self._otel = otel
        self._span = span
        self._token: Token[Context] | None = otel.attach(span) if current else None

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def header(self) -> str:
        """The span as a `traceparent`."""
        ids = self._span.get_span_context()
        return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags) & 1:02x}"

    @property
    def exemplar(self) -> dict[str, str] | None:
        """The span as an exemplar of a figure; None where nobody would find it."""
        ids = self._span.get_span_context()
        if not ids.trace_flags.sampled:
            return None
        return {"trace_id": f"{ids.trace_id:032x}", "span_id": f"{ids.span_id:016x}"}

    def rename(self, name: str) -> None:
        """Give it the name that is known by now."""
        self._span.update_name(name)

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Say more of it."""
        self._span.set_attributes(attributes)

    def event(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Something that happened on the way."""
        self._span.add_event(name, attributes)

    def fail(self, kind: str) -> None:
        """It went wrong: the type of an error, never its message."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(self._otel.error)

    def leave(self) -> None:
        """It goes on, and is current no more."""
        token, self._token = self._token, None
        self._otel.detach(token)

    def end(self) -> None:
        """It is over, and current no more."""
        self.leave()
        self._span.end()


class _Otel:
    """The few words of OpenTelemetry that are used here."""

    def __init__(self) -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.trace, self.context = trace, context
        self.propagator = TraceContextTextMapPropagator()
        self.error = trace.StatusCode.ERROR
        self.kinds = {kind.name.lower(): kind for kind in trace.SpanKind}

    def attach(self, span: Span) -> Token[Context]:
        return self.context.attach(self.trace.set_span_in_context(span))

    def detach(self, token: Token[Context] | None) -> None:
        # A stream that nobody reads to its end is closed in another context: nothing to undo.
        if token is not None:
            try:
                self.context._RUNTIME_CONTEXT.detach(token)
            except ValueError:
                return

    def remote(self, header: str | None, state: str | None = None) -> Context:
        """The place that a `traceparent` names; of no trace where it is none."""
        carrier = {"traceparent": header or "", "tracestate": state or ""}
        return self.propagator.extract(carrier, self.context.Context())


class Spans:
    """Makes the spans of one worker."""

    def __init__(self, tracing: Tracing, capability: str) -> None:
        self._otel = _Otel()
        self.tracing = tracing
        self.capability = capability
        self._statements = Statements(self)
        self.content = Content() if tracing.settings.content else None

    @property
    def wanted(self) -> bool:
        """Whether the trace at work is recorded: if not, its nodes need no spans."""
        recording: bool = self._otel.trace.get_current_span().is_recording()
        return recording

    @property
    def is_in_trace(self) -> bool:
        """Whether there is a trace at work, recorded or not."""
        valid: bool = self._otel.trace.get_current_span().get_span_context().is_valid
        return valid

    def begin(self, name: str, attributes: Mapping[str, Any], kind: str = "internal") -> WorkerSpan:
        """A span below the current one."""
        started = self.tracing.tracer.start_span(
            name, kind=self._otel.kinds[kind], attributes=attributes
        )
        return WorkerSpan(self._otel, started)

    def begin_leaf(self, name: str, attributes: Mapping[str, Any]) -> WorkerSpan:
        """A span of a call below the current one, under which nothing will be."""
        started = self.tracing.tracer.start_span(
            name, kind=self._otel.kinds["client"], attributes=attributes
        )
        return WorkerSpan(self._otel, started, current=False)

    def begin_request(self, name: str, headers: Headers, attributes: Headers) -> WorkerSpan:
        """The span of a request, below the caller's where one came with it."""
        caller = self._otel.remote(headers.get("traceparent"), headers.get("tracestate"))
        started = self.tracing.tracer.start_span(
            name, caller, self._otel.kinds["server"], attributes=attributes
        )
        return WorkerSpan(self._otel, started)

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, Any],
        *,
        asked_in: str | None = None,
        link: str | None = None,
    ) -> Iterator[WorkerSpan]:
        """A span around a block: below the current one, or else below `asked_in`."""
        self._statements.watch()
        trace = self._otel.trace
        parent: Context | None = None
        if not trace.get_current_span().get_span_context().is_valid:
            parent = self._otel.remote(asked_in)
        linked = trace.get_current_span(self._otel.remote(link)).get_span_context()
        started = self.tracing.tracer.start_span(
            name,
            parent,
            attributes=attributes,
            links=[trace.Link(linked)] if linked.is_valid else None,
        )
        span = WorkerSpan(self._otel, started)
        try:
            yield span
        finally:
            span.end()

    def inject(self, host: str) -> dict[str, str]:
        """What a call to a host carries of the current span: nothing where it is not ours."""
        carrier: dict[str, str] = {}
        if self.tracing.settings.is_ours(host):
            self._otel.propagator.inject(carrier)
        return carrier


def find_place(error: BaseException) -> tuple[str, int]:
    """Where it broke, not what it said: the end of the file's path, and the line."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    if not frames:
        return "unknown", 0
    return "/".join(Path(frames[0].filename).parts[-3:]), frames[0].lineno or 0
