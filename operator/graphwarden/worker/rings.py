"""The ring around every request: its trace, its line in the log, its metric, its errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphwarden.api.errors import TRACE_HEADER, Reason, render_error
from graphwarden.telemetry import logs, trace
from graphwarden.telemetry.trace import TraceContext
from graphwarden.worker.admission import Admission
from graphwarden.worker.answers import RunLost
from graphwarden.worker.errors import ApiError
from graphwarden.worker.observer import Observer
from graphwarden.worker.service import Service
from graphwarden.worker.spans import WorkerSpan
from graphwarden.worker.storage.fence import RunBroken

access = logging.getLogger("graphwarden.worker.access")

_DRIVERS = frozenset({"sqlalchemy", "psycopg", "psycopg_pool", "sqlite3"})
_AWAY = frozenset({"OperationalError", "InterfaceError", "TimeoutError", "PoolTimeout"})
_REASONS = {404: Reason.NOT_FOUND, 405: Reason.METHOD_NOT_ALLOWED}
# Asked several times a second by probes and routers: counted, but not worth a line each.
_QUIET = frozenset({"/live", "/ready", "/graphs", "/metrics", "/ok"})
# Worth a line, but no span: who looks at traces is not to find his looking.
_UNTRACED = _QUIET | {"/traces"}
_CLOSE = (b"connection", b"close")
_CALLERS = ("traceparent", "tracestate", "baggage")


class RequestRing:
    """Gives each request its trace id, and each failure its JSON body.

    An answer of a worker that leaves ends its connection (RFC 9112, section 9.6).
    """

    def __init__(self, app: ASGIApp, observer: Observer, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._metrics = observer.metrics
        self._spans = observer.spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        span = self._begin_span(scope)
        header = span.header if span is not None else _header(scope["headers"], b"traceparent")
        context = TraceContext.parse(header) if span is not None else TraceContext.accept(header)
        assert context is not None, "a span has a valid header"
        trace.current.set(context)
        logs.fields.set({"trace_id": context.trace_id})
        began = time.perf_counter()
        answer = _Answer(send, context.trace_id, self._admission)
        try:
            await self._app(scope, receive, answer.send)
        except RunLost as lost:
            # The connection breaks, and the client sees that its run has no result yet.
            access.warning("answer broken off: %s", lost)
            raise
        except Exception as error:
            if answer.status:
                raise
            await _send_error(answer, context.trace_id, error)
        finally:
            self._record(scope, answer.status, time.perf_counter() - began)
            if span is not None:
                _end_span(span, scope, answer.status)

    def _begin_span(self, scope: Scope) -> WorkerSpan | None:
        if self._spans is None or scope["path"].startswith(tuple(_UNTRACED)):
            return None
        headers = {name: _header(scope["headers"], name.encode()) or "" for name in _CALLERS}
        method = scope["method"]
        return self._spans.begin_request(method, headers, {"http.request.method": method})

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.request_ended(scope["method"], route, status, seconds)
        if route not in _QUIET:
            access.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "duration_ms": round(seconds * 1000, 2),
                },
            )


def _end_span(span: WorkerSpan, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    span.rename(f"{scope['method']} {route}")
    span.set({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
    elif not status:
        # The client went away, or its connection was broken off.
        span.fail("gone")
    span.end()


class ServiceRing:
    """Hands the worker's parts to the routes, as what Starlette calls `request.app`."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an ASGI application."""
        scope["app"] = self._service
        await self._app(scope, receive, send)


class _Answer:
    """Adds the trace id to the answer on its way, and remembers its status; 0: none was sent."""

    def __init__(self, send: Send, trace_id: str, admission: Admission) -> None:
        self._send = send
        self._admission = admission
        self._trace = (TRACE_HEADER.encode(), trace_id.encode())
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], self._trace]
            if self._admission.draining:
                message["headers"].append(_CLOSE)
        await self._send(message)


async def _send_error(answer: _Answer, trace_id: str, error: Exception) -> None:
    status, reason, detail, headers = _explain(error)
    body = render_error(detail, reason, trace_id)
    pairs = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in headers.items()),
    ]
    await answer.send({"type": "http.response.start", "status": status, "headers": pairs})
    await answer.send({"type": "http.response.body", "body": body})


def _explain(error: Exception) -> tuple[int, str, str, Mapping[str, str]]:
    if isinstance(error, ApiError):
        return error.status, error.reason, error.detail, error.headers
    if isinstance(error, HTTPException):
        reason = _REASONS.get(error.status_code, Reason.INVALID_REQUEST)
        return error.status_code, reason, error.detail, error.headers or {}
    if is_database_away(error):
        access.error("database not in reach: %s: %s", type(error).__name__, error)
        detail = "the database of this pool does not answer; try again"
        return 503, Reason.STORAGE_UNAVAILABLE, detail, {"retry-after": "2"}
    access.error("request failed", exc_info=error)
    detail = f"the worker failed with {type(error).__name__}; its log has the trace id below"
    return 500, Reason.INTERNAL, detail, {}


def is_database_away(error: BaseException) -> bool:
    """Whether a driver says that its database cannot be used now.

    By name: a worker without a database imports no driver.
    """
    package = type(error).__module__.split(".")[0]
    return isinstance(error, RunBroken) or (package in _DRIVERS and type(error).__name__ in _AWAY)


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    for name, value in headers:
        if name == wanted:
            return value.decode("latin-1")
    return None
