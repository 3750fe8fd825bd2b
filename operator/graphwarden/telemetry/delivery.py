"""Spans on their way to the receiver of traces: gathered, sent from a thread, or let go."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from graphwarden.telemetry.otlp import encode_request
from graphwarden.telemetry.span import RecordedSpan

logger = logging.getLogger(__name__)

# Some seconds of a busy worker; what comes beyond while nothing can be sent is let go.
_QUEUED_SPANS = 4096
_SPANS_PER_REQUEST = 1024
_SEND_SECONDS = 2.0


class Delivery(OTLPSpanExporter):
    """Sends spans, and says once that they do not arrive, and once that they do again."""

    def __init__(self, endpoint: str) -> None:
        # The library speaks of each failure anew, with all of a stack.
        for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        # OTEL_EXPORTER_OTLP_TIMEOUT may name another time than 10 seconds.
        super().__init__(endpoint=endpoint)
        # Credentials in an address are nobody's business.
        self._where = urlsplit(endpoint).hostname or endpoint
        self._failing = False
        self.lost = 0

    def send(self, spans: Sequence[RecordedSpan]) -> None:
        """Send them; those that do not arrive are lost."""
        arrived = self._try(spans)
        if not arrived:
            self.lost += len(spans)
        if not (arrived or self._failing):
            logger.warning("spans do not arrive at %s and are lost; runs go on", self._where)
        elif arrived and self._failing:
            logger.info("spans arrive at %s again", self._where, extra={"lost": self.lost})
        self._failing = not arrived

    def _try(self, spans: Sequence[RecordedSpan]) -> bool:
        # Libraries that make spans of calls by HTTP make none of this one, or there were no end.
        token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            # The library's way to the wire, without its way to bytes.
            return self._client.export(encode_request(spans)).success
        except Exception as error:
            logger.error("spans cannot be written: %s", type(error).__name__)
            return False
        finally:
            context.detach(token)


class Sending(SpanProcessor):
    """Gathers spans, and lets go of the oldest when too many wait."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._waiting: deque[RecordedSpan] = deque(maxlen=_QUEUED_SPANS)
        self._is_due, self._is_closed = threading.Event(), False
        # One request at a time.
        self._way = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="spans", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many spans wait to be sent."""
        return len(self._waiting)

    def on_end(self, span: ReadableSpan) -> None:
        """A span ends."""
        recorded, waiting = cast("RecordedSpan", span), len(self._waiting)
        if not recorded.flags & 1:
            return
        if waiting >= _QUEUED_SPANS:
            self._delivery.lost += 1
        # Encoded when many are sent: one by one, between the steps of graphs, costs far more.
        self._waiting.append(recorded)
        if waiting >= _SPANS_PER_REQUEST and not self._is_due.is_set():
            self._is_due.set()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send all that waits."""
        self._send(least=1)
        return True

    def shutdown(self) -> None:
        """Send all that waits, and stop."""
        self._is_closed = True
        self._is_due.set()
        self._thread.join()
        self._delivery.shutdown()  # type: ignore[no-untyped-call]

    def _work(self) -> None:
        while not self._is_closed:
            are_many = self._is_due.wait(_SEND_SECONDS)
            self._is_due.clear()
            # Many at once come in whole requests; the rest of them goes with the next.
            self._send(least=_SPANS_PER_REQUEST if are_many and not self._is_closed else 1)

    def _send(self, *, least: int) -> None:
        with self._way:
            while len(self._waiting) >= least:
                count = min(len(self._waiting), _SPANS_PER_REQUEST)
                self._delivery.send([self._waiting.popleft() for _ in range(count)])
