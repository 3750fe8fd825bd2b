"""What makes, keeps and sends the spans of a process. Imports the SDK."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind

from graphwarden.telemetry.delivery import Delivery, Sending
from graphwarden.telemetry.otlp import encode_span
from graphwarden.telemetry.records import read_record, sum_up
from graphwarden.telemetry.run_store import WORKFLOW, Record, RunStore, starts_run
from graphwarden.telemetry.settings import TracingSettings
from graphwarden.telemetry.span import RecordedSpan
from graphwarden.telemetry.tracer import Tracer, Tracers

_CLOSE_SECONDS = 2.0
_NAME = "graphwarden"
_SPAN_BYTES, _ATTRIBUTE_BYTES = 500, 80


Store = RunStore[RecordedSpan]


def weigh(span: RecordedSpan) -> int:
    """About the memory that an ended span takes, in bytes: itself, its bytes, and what it says."""
    size = _SPAN_BYTES + _ATTRIBUTE_BYTES * len(span.told)
    # Of others every text is short.
    return size + 2 * len(encode_span(span)) if span.is_rich else size


class Keeping(SpanProcessor):
    """Puts every span into the run store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A span begins."""
        begun = cast("RecordedSpan", span)
        is_run = begun.told.get("gen_ai.operation.name") == WORKFLOW
        self._store.begin(begun.trace_id, begun.span_id, begun, is_run=is_run)

    def on_end(self, span: ReadableSpan) -> None:
        """A span ends."""
        ended = cast("RecordedSpan", span)
        # The run may begin after the end of the request by which it is asked for.
        asks = ended.kind is SpanKind.SERVER and starts_run(ended.name)
        self._store.end(ended.trace_id, ended.span_id, asks=asks)


@dataclass(frozen=True, slots=True)
class Tracing:
    """What makes, keeps and sends the spans of a process."""

    settings: TracingSettings
    tracers: Tracers
    tracer: Tracer
    sending: Sending | None
    delivery: Delivery | None
    store: Store | None

    @property
    def lost(self) -> int:
        """Spans that were made and did not arrive."""
        return self.delivery.lost if self.delivery is not None else 0

    @property
    def waiting(self) -> int:
        """Spans that wait to be sent."""
        return self.sending.waiting if self.sending is not None else 0

    def install(self) -> None:
        """Be OpenTelemetry's own of this process: whatever makes spans by it does so here."""
        otel.set_tracer_provider(self.tracers)

    def put(self, span: RecordedSpan, *, keep: bool) -> None:
        """A span that was made as a whole, after its end. `keep`: it belongs to a run."""
        if self.sending is not None:
            self.sending.on_end(span)
        if self.store is not None and keep:
            self.store.keep(span.trace_id, span)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        closing = threading.Thread(target=self.tracers.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        if closing.is_alive() and self.delivery is not None:
            # It would try again for long.
            self.delivery.shutdown()  # type: ignore[no-untyped-call]
            closing.join(_CLOSE_SECONDS)


def make_tracing(settings: TracingSettings, service: str, capability: str) -> Tracing:
    """Start the parts that the settings ask for."""
    resource = Resource.create(make_resource(service, capability))
    keeps = settings.kept_traces > 0
    tracers = Tracers(resource, settings.ratio, keeps=keeps)
    delivery, sending, store = None, None, None
    if settings.endpoint is not None:
        delivery = Delivery(settings.endpoint)
        sending = Sending(delivery)
        tracers.add_span_processor(sending)
    if keeps:

        def read(span: RecordedSpan) -> Record:
            return read_record(encode_span(span), resource.attributes)

        store = RunStore(settings.kept_traces, settings.kept_bytes, weigh, read, sum_up)
        tracers.add_span_processor(Keeping(store))
    tracer = tracers.get_tracer(_NAME, version("graphwarden"))
    return Tracing(settings, tracers, tracer, sending, delivery, store)


def make_resource(service: str, capability: str) -> dict[str, str]:
    """What all spans of a process have in common; the environment may add to it."""
    told = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME") or service,
        "service.version": version("graphwarden"),
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    return {**told, "graphspec.capability": capability} if capability else told
