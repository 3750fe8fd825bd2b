"""A span from its begin to its end, and whoever asks for the current one finds it.

OpenTelemetry's own spans take locks, copy and check for any use there might be, which is dear where
a graph of ten nodes makes twelve of them in a few milliseconds. These hold what is said of them and
nothing else: they are written out once, after their end. To all who read or write spans they are
OpenTelemetry's.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from opentelemetry import trace as otel
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    Event,
    ReadableSpan,
    SpanLimits,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
)
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.span import TraceFlags, TraceState
from opentelemetry.util.types import Attributes, AttributeValue

Told = dict[str, AttributeValue]
# What can be taken as it is; and of texts those that are short, and may be said of many spans.
_PLAIN = frozenset({bool, int, float})
_LONGEST_PLAIN = 100


class Processors(SynchronousMultiSpanProcessor):
    """Who is told of spans."""

    # Those that only send spans have nothing to do when one begins.
    hear_of_begins = False

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """One more."""
        super().add_span_processor(span_processor)
        if type(span_processor).on_start is not SpanProcessor.on_start:
            self.hear_of_begins = True


@dataclass(slots=True, eq=False)
class Source:
    """Whose spans they are, and who is told of them."""

    resource: Resource
    scope: InstrumentationScope
    limits: SpanLimits
    processors: Processors
    # What all of its spans have in common, encoded: the resource, and the scope.
    head: tuple[bytes, bytes] | None = None


class RecordedSpan(otel.Span, ReadableSpan):
    """A span that is recorded.

    Args:
        source: what makes it.
        name: of low cardinality.
        kind: as OpenTelemetry has it.
        told: what is known of it when it begins: plain values, and the span's own from now on.
        ids: of its trace, its own, and of the span above: 0 where there is none.
        flags: of its trace.
        started: by the clock, in nanoseconds.
    """

    # What most spans never change.
    state: TraceState | None = None
    is_below_remote = False
    # Whether more was said of it than plain values.
    is_rich = False
    has_no_status = True
    left_out = 0
    # Its bytes, once it has ended and somebody needed them.
    wire: bytes | None = None
    # What becomes of an exception that leaves a block by this span.
    records_exception = False
    fails_by_exception = False

    _status = Status()
    _events: Sequence[Event] = ()
    _links: Sequence[Link] = ()
    _end_time: int | None = None
    _instrumentation_info = None
    _ids: SpanContext | None = None
    _names: tuple[str, str] | None = None

    def __init__(
        self,
        source: Source,
        name: str,
        kind: SpanKind,
        told: Told,
        ids: tuple[int, int, int],
        flags: TraceFlags,
        started: int,
    ) -> None:
        self.source = source
        self.told = told
        self.trace_id, self.span_id, self.parent_id = ids
        self.flags = flags
        self._name = name
        self._kind = kind
        self._start_time = started

    def get_span_context(self) -> SpanContext:
        """Its ids."""
        if self._ids is None:
            self._ids = SpanContext(self.trace_id, self.span_id, False, self.flags, self.state)
        return self._ids

    @property
    def names(self) -> tuple[str, str]:
        """The ids of its trace and its own, in hex."""
        if self._names is None:
            self._names = (f"{self.trace_id:032x}", f"{self.span_id:016x}")
        return self._names

    @property
    def context(self) -> SpanContext:
        """The same."""
        return self.get_span_context()

    @property
    def parent(self) -> SpanContext | None:
        """The ids of the span above."""
        if not self.parent_id:
            return None
        is_remote = self.is_below_remote
        return SpanContext(self.trace_id, self.parent_id, is_remote, self.flags, self.state)

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """What was said of it."""
        return self.told

    @property
    def dropped_attributes(self) -> int:
        """How many did not find room."""
        return self.left_out

    @property
    def resource(self) -> Resource:
        """What all spans of the process have in common."""
        return self.source.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """The library that made it."""
        return self.source.scope

    def is_recording(self) -> bool:
        """Whether it still takes what is said of it."""
        return self._end_time is None

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Say more of it."""
        if self._end_time is not None:
            return
        told, limits = self.told, self.source.limits
        most, longest = limits.max_span_attributes, limits.max_span_attribute_length
        for name, value in attributes.items():
            if most is not None and len(told) >= most and name not in told:
                self.left_out += 1
                self.is_rich = True
            elif longest is None and _is_plain(value):
                told[name] = value
            else:
                told.update(BoundedAttributes(1, {name: value}, max_value_len=longest))
                self.is_rich = True

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Say one more thing of it."""
        self.set_attributes({key: value})

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Something that happened on the way."""
        limits = self.source.limits
        told = self._bound(attributes, limits.max_event_attributes)
        if self._end_time is None:
            self.is_rich = True
            if not isinstance(self._events, BoundedList):
                self._events = BoundedList(limits.max_events)
            self._events.append(Event(name, told, timestamp))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """One more span that it has to do with."""
        limits = self.source.limits
        told = self._bound(attributes, limits.max_link_attributes)
        if self._end_time is None and context.is_valid:
            self.is_rich = True
            if not isinstance(self._links, BoundedList):
                self._links = BoundedList(limits.max_links)
            self._links.append(Link(context, told))

    def update_name(self, name: str) -> None:
        """Give it another name."""
        if self._end_time is None:
            self._name = str(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """It went well, which nothing changes any more, or it did not."""
        said = status if isinstance(status, Status) else Status(status, description)
        is_final = self._status.status_code is StatusCode.OK
        if self._end_time is None and not is_final and said.status_code is not StatusCode.UNSET:
            self.is_rich = self.is_rich or bool(said.description)
            self._status, self.has_no_status = said, False

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Tell all of an exception: for graphs that ask for it, never for us."""
        kind = type(exception)
        place = f"{kind.__module__}." if kind.__module__ != "builtins" else ""
        told = {
            "exception.type": f"{place}{kind.__qualname__}",
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**told, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """It is over, and all are told who want to know."""
        if self._end_time is None:
            self._end_time = int(end_time or time.time_ns())
            self.source.processors.on_end(self)

    def close(self, ended: int) -> None:
        """It was over at this time; nobody is told."""
        self._end_time = ended

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_val is not None and self.records_exception:
            self.record_exception(exc_val, escaped=True)
        if exc_val is not None and self.fails_by_exception:
            self.set_status(StatusCode.ERROR, f"{type(exc_val).__name__}: {exc_val}")
        self.end()

    def _bound(self, attributes: Attributes, most: int | None) -> BoundedAttributes:
        longest = self.source.limits.max_attribute_length
        return BoundedAttributes(most, attributes, max_value_len=longest)

    # What ReadableSpan says of itself, as `to_json`, it reads here.
    @property
    def _context(self) -> SpanContext:  # type: ignore[override]
        return self.get_span_context()

    @property
    def _attributes(self) -> Told:  # type: ignore[override]
        return self.told


def _is_plain(value: AttributeValue) -> bool:
    if type(value) is str:
        return len(value) <= _LONGEST_PLAIN
    return type(value) in _PLAIN
