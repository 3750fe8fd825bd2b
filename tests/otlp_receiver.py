"""A receiver of OTLP over HTTP that keeps what it gets, or does worse things with it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Mood = Literal["takes", "drops", "refuses", "is away", "hangs"]
_STATUSES = {"refuses": 400, "is away": 503}


@dataclass
class Receiver:
    """Spans as `/traces` tells them: ids in hex, attributes as a dict."""

    endpoint: str = ""
    mood: Mood = "takes"
    spans: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    text: bytes = b""
    left: threading.Event = field(default_factory=threading.Event)

    def of(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of one trace."""
        return [span for span in list(self.spans) if span["trace_id"] == trace_id]

    def take(self, body: bytes) -> None:
        """Keep what a request holds."""
        asked = ExportTraceServiceRequest.FromString(body)
        self.text += body
        for group in asked.resource_spans:
            resource = _read(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [_make(span, resource) for span in scope.spans]


def _make(span: Span, resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "service": resource["service.name"],
        "capability": resource.get("graphspec.capability"),
        "status": ("unset", "ok", "error")[span.status.code],
        "message": span.status.message,
        "started_at": span.start_time_unix_nano,
        "ended_at": span.end_time_unix_nano,
        "attributes": _read(span.attributes),
        "events": [{"name": e.name, "attributes": _read(e.attributes)} for e in span.events],
        "links": [{"trace_id": x.trace_id.hex(), "span_id": x.span_id.hex()} for x in span.links],
    }


def _read(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return getattr(pair.value, kind) if kind else None


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """A receiver on a free port, for as long as the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.read_body()
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.requests += 1
            if receiver.mood == "hangs":
                receiver.left.wait()
                self.close_connection = True
                return
            if receiver.mood == "takes":
                receiver.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(_STATUSES.get(receiver.mood, 200))
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def read_body(self) -> bytes:
            """Whole, or in chunks as Node sends it."""
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers["content-length"]))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.left.set()
        server.shutdown()
        server.server_close()
        thread.join()
