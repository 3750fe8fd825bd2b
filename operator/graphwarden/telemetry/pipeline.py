"""The way of a span: which are recorded, where they are kept and sent. Imports the SDK."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from graphwarden.telemetry.records import make_record
from graphwarden.telemetry.run_store import WORKFLOW, RunStore
from graphwarden.telemetry.settings import TracingSettings
from graphwarden.telemetry.trace import is_sampled

logger = logging.getLogger(__name__)

# Some seconds of a busy worker; what comes beyond while nothing can be sent is let go.
_QUEUED_SPANS = 4096
_SPANS_PER_REQUEST = 512
_SEND_SECONDS = 2.0
_TIMEOUT_SECONDS = 10.0
_CLOSE_SECONDS = 2.0
_NAME = "graphwarden"


class HeadSampler(Sampler):
    """A trace is sampled as its caller says, and of those that begin here a part.

    What is not sampled is recorded all the same where this process keeps traces.
    """

    def __init__(self, ratio: float, *, keeps: bool) -> None:
        self._ratio = ratio
        self._otherwise = Decision.RECORD_ONLY if keeps else Decision.DROP

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Whether a span is made, and sent."""
        parent = otel.get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            sampled, state = parent.trace_flags.sampled, parent.trace_state
        else:
            sampled, state = is_sampled(f"{trace_id:032x}", self._ratio), None
        decision = Decision.RECORD_AND_SAMPLE if sampled else self._otherwise
        return SamplingResult(decision, attributes, state)

    def get_description(self) -> str:
        """For people."""
        return f"HeadSampler({self._ratio:g})"


class Delivery(SpanExporter):
    """Sends spans, and says once that they do not arrive, and once that they do again."""

    def __init__(self, endpoint: str) -> None:
        # The library speaks of each failure anew, with all of a stack.
        for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_SECONDS)
        # Credentials in an address are nobody's business.
        self._where = urlsplit(endpoint).hostname or endpoint
        self._failing = False
        self.lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them; those that do not arrive are lost."""
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self.lost += len(spans)
        if failed and not self._failing:
            logger.warning("spans do not arrive at %s and are lost; runs go on", self._where)
        elif self._failing and not failed:
            logger.info("spans arrive at %s again", self._where, extra={"lost": self.lost})
        self._failing = failed
        return result

    def shutdown(self) -> None:
        """Let go of the connection, and try no more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class Sending(BatchSpanProcessor):
    """Gathers spans, and lets go of the oldest when too many wait."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(
            delivery,
            max_queue_size=_QUEUED_SPANS,
            schedule_delay_millis=_SEND_SECONDS * 1000,
            max_export_batch_size=_SPANS_PER_REQUEST,
        )
        self._delivery = delivery

    @property
    def waiting(self) -> int:
        """How many spans wait to be sent."""
        # The library tells nobody of its queue but its own figures.
        return len(self._batch_processor._queue)

    def on_end(self, span: ReadableSpan) -> None:
        """A span ends."""
        if self.waiting >= _QUEUED_SPANS:
            self._delivery.lost += 1
        super().on_end(span)


class Keeping(SpanProcessor):
    """Puts every span into the run store."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A span begins."""
        ids = span.get_span_context()
        is_run = (span.attributes or {}).get("gen_ai.operation.name") == WORKFLOW
        self._store.begin(
            f"{ids.trace_id:032x}", f"{ids.span_id:016x}", lambda: make_record(span), is_run
        )

    def on_end(self, span: ReadableSpan) -> None:
        """A span ends."""
        record = make_record(span)
        self._store.end(record["trace_id"], record["span_id"], record)


@dataclass(frozen=True, slots=True)
class Tracing:
    """What makes, keeps and sends the spans of a process."""

    settings: TracingSettings
    provider: TracerProvider
    tracer: otel.Tracer
    sending: Sending | None
    delivery: Delivery | None
    store: RunStore | None

    @property
    def lost(self) -> int:
        """Spans that were made and did not arrive."""
        return self.delivery.lost if self.delivery is not None else 0

    def install(self) -> None:
        """Be OpenTelemetry's own of this process: whatever makes spans by it does so here."""
        otel.set_tracer_provider(self.provider)

    def put(self, span: ReadableSpan, *, keep: bool) -> None:
        """A span that was made as a whole, after its end. `keep`: it belongs to a run."""
        ids = span.get_span_context()
        if self.sending is not None and ids is not None and ids.trace_flags.sampled:
            self.sending.on_end(span)
        if self.store is not None and keep:
            record = make_record(span)
            self.store.keep(record["trace_id"], record)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        closing = threading.Thread(target=self.provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        if closing.is_alive() and self.delivery is not None:
            # It would try again for long.
            self.delivery.shutdown()
            closing.join(_CLOSE_SECONDS)


def make_tracing(settings: TracingSettings, service: str, capability: str) -> Tracing:
    """Start the parts that the settings ask for."""
    resource = Resource.create(make_resource(service, capability))
    store = RunStore(settings.kept_traces, settings.kept_bytes) if settings.kept_traces else None
    provider = TracerProvider(
        sampler=HeadSampler(settings.ratio, keeps=store is not None),
        resource=resource,
        shutdown_on_exit=False,
    )
    delivery, sending = None, None
    if settings.endpoint is not None:
        delivery = Delivery(settings.endpoint)
        sending = Sending(delivery)
        provider.add_span_processor(sending)
    if store is not None:
        provider.add_span_processor(Keeping(store))
    tracer = provider.get_tracer(_NAME, version("graphwarden"))
    return Tracing(settings, provider, tracer, sending, delivery, store)


def make_resource(service: str, capability: str) -> dict[str, str]:
    """What all spans of a process have in common; the environment may add to it."""
    told = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME") or service,
        "service.version": version("graphwarden"),
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    return {**told, "graphspec.capability": capability} if capability else told
