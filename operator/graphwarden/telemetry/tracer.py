"""Which spans are made, and with what ids: OpenTelemetry's tracer, for spans that cost little."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from random import Random

from opentelemetry import baggage
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.span import TraceState
from opentelemetry.util._decorator import _agnosticcontextmanager
from opentelemetry.util.types import Attributes

from graphwarden.telemetry.span import Processors, RecordedSpan, Source, Told
from graphwarden.telemetry.trace import BAGGAGE_KEYS, TraceContext, is_sampled

# A generator of its own: one that a graph has seeded would give the same ids again.
_random = Random()  # noqa: S311
# By the bits that are handed on: 1 is sampled, 2 says that the trace's id is random.
_FLAGS = tuple(TraceFlags(bits) for bits in range(4))
# More than this we say of no span.
_MOST_TOLD = 24


class Tracer(otel.Tracer):
    """Makes spans.

    A trace is sampled as its caller says, and of those that begin here a part. What is not sampled
    is recorded all the same where this process keeps traces.
    """

    def __init__(self, source: Source, ratio: float, *, keeps: bool) -> None:
        self.source = source
        self._ratio = ratio
        self._keeps = keeps
        limits = source.limits
        most, longest = limits.max_span_attributes, limits.max_span_attribute_length
        # Whether somebody wants less of a span than we say of ours.
        self._is_limited = longest is not None or (most is not None and most < _MOST_TOLD)

    def begin(self, above: otel.Span, name: str, kind: SpanKind, told: Told) -> otel.Span:
        """A span below another; where it is not recorded, one that only hands on its ids.

        `told` has plain values, and belongs to the span from now on.
        """
        span = self._make(above, name, kind, {} if self._is_limited else told, None)
        if type(span) is RecordedSpan:
            if self._is_limited:
                span.set_attributes(told)
            if self.source.processors.hear_of_begins:
                self.source.processors.on_start(span)  # type: ignore[arg-type]
        return span

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> otel.Span:
        """The same for anybody: below the current span, or that of a context.

        It is told by the baggage whose run it is in: its maker cannot know.
        """
        span = self._make(otel.get_current_span(context), str(name), kind, {}, start_time)
        if isinstance(span, RecordedSpan):
            span.set_attributes(attributes or {})
            carried = baggage.get_all(context)
            if carried:
                span.set_attributes(
                    {name: str(carried[name]) for name in BAGGAGE_KEYS & carried.keys()}
                )
            for link in links or ():
                span.add_link(link.context, link.attributes)
            span.records_exception = record_exception
            span.fails_by_exception = set_status_on_exception
            self.source.processors.on_start(span, context)  # type: ignore[arg-type]
        return span

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[otel.Span]:
        """The same, and the current one for a block or a function."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with otel.use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def make_span(
        self, place: TraceContext, name: str, kind: SpanKind, told: Told, started: int
    ) -> RecordedSpan:
        """A span at a known place. Nobody is told of it."""
        ids = (int(place.trace_id, 16), int(place.span_id, 16), int(place.parent_id or "0", 16))
        return RecordedSpan(self.source, name, kind, told, ids, _FLAGS[place.sampled], started)

    def _make(
        self, above: otel.Span, name: str, kind: SpanKind, told: Told, started: int | None
    ) -> otel.Span:
        span_id = _random.getrandbits(64) or 1
        trace_id, parent_id, flags, state, is_remote = self._find_place(above)
        if not (self._keeps or flags & 1):
            return NonRecordingSpan(SpanContext(trace_id, span_id, False, flags, state))
        ids = (trace_id, span_id, parent_id)
        span = RecordedSpan(self.source, name, kind, told, ids, flags, started or time.time_ns())
        if state:
            span.state = state
        if is_remote:
            span.is_below_remote = True
        return span

    def _find_place(self, above: otel.Span) -> tuple[int, int, TraceFlags, TraceState | None, bool]:
        """The trace and the span above, 0 if none; flags and state; whether the span is remote."""
        if type(above) is RecordedSpan:
            return above.trace_id, above.span_id, above.flags, above.state, False
        ids = above.get_span_context()
        if ids.is_valid:
            flags = _FLAGS[ids.trace_flags & 3]
            return ids.trace_id, ids.span_id, flags, ids.trace_state, ids.is_remote
        trace_id = _random.getrandbits(128) or 1
        sampled = is_sampled(f"{trace_id:032x}", self._ratio)
        return trace_id, 0, _FLAGS[3 if sampled else 2], None, False


class Tracers(TracerProvider):
    """The tracers of a process, one for each that makes spans by OpenTelemetry."""

    def __init__(self, resource: Resource, ratio: float, *, keeps: bool) -> None:
        self._processors = Processors()  # type: ignore[no-untyped-call]
        # Which spans are made is for the tracers to say.
        super().__init__(ALWAYS_ON, resource, False, self._processors)
        self._ratio, self._keeps = ratio, keeps
        self._limits = SpanLimits()
        self._known: dict[InstrumentationScope, Tracer] = {}

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """The tracer of a library."""
        version = instrumenting_library_version or ""
        scope = InstrumentationScope(instrumenting_module_name, version, schema_url, attributes)
        if scope not in self._known:
            source = Source(self.resource, scope, self._limits, self._processors)
            self._known[scope] = Tracer(source, self._ratio, keeps=self._keeps)
        return self._known[scope]
