"""Spans of a worker, for those who have them: OpenTelemetry is reached through here alone.

Made only where tracing is on; nothing else of the worker imports OpenTelemetry.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphwarden.telemetry.trace import read_baggage
from graphwarden.worker.content import Content
from graphwarden.worker.statements import Statements

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from graphwarden.telemetry.pipeline import Tracing

Headers = Mapping[str, str]
Told = dict[str, Any]


class WorkerSpan:
    """A span; where it has a place to be current in, it is so until it ends."""

    __slots__ = ("_otel", "_span", "_token", "is_recorded")

    def __init__(self, otel: _Otel, span: Span, here: Context | None = None) -> None:
        self._otel = otel
        self._span = span
        # Whether it is made at all: if not, those below it are not needed either.
        self.is_recorded: bool = span.is_recording()
        self._token: Token[Context] | None = None
        if here is not None:
            self._token = otel.attach(span, here)

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
        self._span.set_attributes({"error.type": kind})
        self._span.set_status(self._otel.error)

    def leave(self) -> None:
        """It goes on, and is current no more."""
        token, self._token = self._token, None
        if token is not None:
            self._otel.detach(token)

    def end(self) -> None:
        """It is over, and current no more."""
        if self._token is not None:
            self.leave()
        self._span.end()


class _Otel:
    """The few words of OpenTelemetry that are used here."""

    def __init__(self) -> None:
        from opentelemetry import baggage, context, trace
        from opentelemetry.baggage.propagation import W3CBaggagePropagator
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.trace, self.context = trace, context
        # Each node goes this way: the library's own takes three times as many steps.
        self._runtime = context._RUNTIME_CONTEXT
        (self._key,) = trace.set_span_in_context(trace.INVALID_SPAN, context.Context())
        self.propagator = TraceContextTextMapPropagator()
        self._baggage, self._baggage_propagator = baggage, W3CBaggagePropagator()
        self.error = trace.StatusCode.ERROR
        self.kinds = {kind.name.lower(): kind for kind in trace.SpanKind}

    def get_current(self) -> Context:
        return self._runtime.get_current()

    def get_span(self, here: Context) -> Span:
        span: Any = here.get(self._key, self.trace.INVALID_SPAN)
        return span  # type: ignore[no-any-return]

    def attach(self, span: Span, here: Context) -> Token[Context]:
        return self._runtime.attach(self.context.Context({**here, self._key: span}))

    def detach(self, token: Token[Context]) -> None:
        # A stream that nobody reads to its end is closed in another context: nothing to undo.
        try:
            self._runtime.detach(token)
        except ValueError:
            return

    def carry(self, carried: Headers, here: Context) -> Context:
        """The place with this as its baggage."""
        here = self._baggage.clear(here)
        for name, value in carried.items():
            here = self._baggage.set_baggage(name, value, here)
        return here

    def inject(self, carrier: dict[str, str]) -> None:
        self.propagator.inject(carrier)
        self._baggage_propagator.inject(carrier)

    def remote(self, header: str | None, state: str | None = None) -> Context:
        """The place that a `traceparent` names; of no trace where it is none."""
        if not header:
            return self.context.Context()
        carrier = {"traceparent": header, "tracestate": state or ""}
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
        recording: bool = self._otel.get_span(self._otel.get_current()).is_recording()
        return recording

    @property
    def is_in_trace(self) -> bool:
        """Whether there is a trace at work, recorded or not."""
        here = self._otel.get_current()
        valid: bool = self._otel.get_span(here).get_span_context().is_valid
        return valid

    def begin(self, name: str, told: Told, kind: str = "internal") -> WorkerSpan:
        """A span below the current one, of which `told` is made a part."""
        otel = self._otel
        here = otel.get_current()
        above = otel.get_span(here)
        started = self.tracing.tracer.begin(above, name, otel.kinds[kind], told)
        return WorkerSpan(otel, started, here)

    def begin_leaf(self, name: str, told: Told) -> WorkerSpan:
        """A span of a call below the current one, under which nothing will be."""
        here = self._otel.get_current()
        return WorkerSpan(self._otel, self._start(here, name, told, "client"))

    def begin_request(self, name: str, headers: Headers, told: Told) -> WorkerSpan:
        """The span of a request, below the caller's where one came with it.

        What it carries as baggage it is told, and goes with all that comes of it.
        """
        caller = self._otel.remote(headers.get("traceparent"), headers.get("tracestate"))
        here = self._otel.get_current()
        carried = read_baggage(headers.get("baggage"))
        if carried:
            told.update(carried)
            here = self._otel.carry(carried, here)
        return WorkerSpan(self._otel, self._start(caller, name, told, "server"), here)

    @contextmanager
    def span(
        self,
        name: str,
        told: Told,
        *,
        asked_in: str | None = None,
        link: str | None = None,
        carried: Headers | None = None,
    ) -> Iterator[WorkerSpan]:
        """A span around a block: below the current one, or else below `asked_in`.

        `carried` is the baggage of the block.
        """
        self._statements.watch()
        here = self._otel.get_current()
        above = here
        if not self._otel.get_span(here).get_span_context().is_valid:
            above = self._otel.remote(asked_in)
        started = self._start(above, name, told, "internal")
        if link is not None:
            started.add_link(self._otel.get_span(self._otel.remote(link)).get_span_context())
        span = WorkerSpan(self._otel, started, self._otel.carry(carried, here) if carried else here)
        try:
            yield span
        finally:
            span.end()

    def _start(self, above: Context, name: str, told: Told, kind: str) -> Span:
        otel = self._otel
        return self.tracing.tracer.begin(otel.get_span(above), name, otel.kinds[kind], told)

    def inject(self, host: str) -> dict[str, str]:
        """What a call to a host carries of the current span: nothing where it is not ours."""
        carrier: dict[str, str] = {}
        if self.tracing.settings.is_ours(host):
            self._otel.inject(carrier)
        return carrier


def find_place(error: BaseException) -> tuple[str, int]:
    """Where it broke, not what it said: the end of the file's path, and the line."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    if not frames:
        return "unknown", 0
    return "/".join(Path(frames[0].filename).parts[-3:]), frames[0].lineno or 0
