"""Bytes of answers: heads of our own, and a worker's head on its way to the client. Pure."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
from http import HTTPStatus

from graphwarden.api import mcp
from graphwarden.api.errors import TRACE_HEADER, render_error
from graphwarden.router.errors import RouterError
from graphwarden.router.request import Headers, Request
from graphwarden.router.upstream import ResponseHead
from graphwarden.telemetry.trace import TraceContext, read_baggage

# RFC 9110, section 7.6.1: these speak of one connection and are not passed on.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"proxy-authenticate",
        b"proxy-authorization",
    }
)
_NOT_FORWARDED = _HOP_BY_HOP | {b"host", b"content-length", b"expect", b"traceparent", b"baggage"}
# Between router and worker alone.
_OURS = b"x-graphwarden-"
_CORS = (
    b"access-control-allow-private-network: true\r\n"
    b"access-control-expose-headers: content-location, location, x-pagination-total, "
    b"x-pagination-next, x-trace-id, retry-after, idempotent-replayed\r\n"
)
_PREFLIGHT = (
    b"access-control-allow-methods: GET, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
    b"access-control-max-age: 600\r\n"
)


def make_cors(origin: str | None, allowed: Collection[str]) -> bytes:
    """The lines for a browser's page of that origin; none where it may not read the answer."""
    if origin is None:
        return b""
    if "*" in allowed:
        return b"access-control-allow-origin: *\r\n" + _CORS
    if origin not in allowed:
        return b"vary: origin\r\n"
    return f"access-control-allow-origin: {origin}\r\nvary: origin\r\n".encode("latin-1") + _CORS


def render_answer(
    request: Request | None,
    status: int,
    body: bytes,
    trace_id: str,
    headers: Mapping[str, str] | None = None,
    *,
    close: bool = False,
) -> bytes:
    """A whole answer of ours."""
    lines = [_status_line(status)]
    given = {**(headers or {}), TRACE_HEADER: trace_id}
    # RFC 9110, section 8.6: an answer without a body has no length either.
    if status not in (204, 304):
        lines.append(b"content-length: %d\r\n" % len(body))
        given = {"content-type": "application/json", **given}
    lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in given.items()]
    if request is not None:
        lines.append(request.cors)
        close = request.decide_close() or close
    if close:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    if request is None or request.method != "HEAD":
        lines.append(body)
    return b"".join(lines)


def render_stream_head(request: Request, trace_id: str) -> bytes:
    """The head of a stream of events of ours, whose body follows in chunks."""
    lines = [
        _status_line(200),
        b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-store\r\n"
        b"x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n",
        f"{TRACE_HEADER}: {trace_id}\r\n".encode(),
        request.cors,
        b"connection: close\r\n" if request.decide_close() else b"",
    ]
    return b"".join([*lines, b"\r\n"])


def render_refusal(
    request: Request | None,
    error: RouterError,
    trace_id: str,
    call_id: mcp.MessageId = None,
) -> bytes:
    """An error answer of ours; `call_id` is of the tool call that it answers, if it is one."""
    close = error.close or request is None
    if call_id is not None:
        told = mcp.make_refusal(error.status, error.reason, error.detail, error.headers)
        body = json.dumps(told.to_json(call_id), ensure_ascii=False).encode()
        return render_answer(request, told.status, body, trace_id, told.headers, close=close)
    body = render_error(error.detail, error.reason, trace_id)
    return render_answer(request, error.status, body, trace_id, error.headers, close=close)


def render_preflight(request: Request, trace_id: str) -> bytes:
    """The answer to a browser that asks whether it may call us (Fetch standard, section 4.8)."""
    parts = [_status_line(204), request.cors, f"{TRACE_HEADER}: {trace_id}\r\n".encode()]
    if request.decide_close():
        parts.append(b"connection: close\r\n")
    if b"allow-origin" in request.cors:
        asked = request.header(b"access-control-request-headers") or "*"
        parts += (_PREFLIGHT, f"access-control-allow-headers: {asked}\r\n".encode("latin-1"))
    return b"".join([*parts, b"\r\n"])


def render_request_head(
    request: Request,
    endpoint: str,
    trace: TraceContext,
    body_bytes: int | None,
    *,
    vouched: bool = False,
) -> bytes:
    """The head of the request to a worker; `body_bytes` None: the body is sent in chunks.

    `vouched`: the request is the router's own, and may say what only the router may.
    """
    parts = [
        request.method.encode(),
        b" ",
        request.target,
        b" HTTP/1.1\r\nhost: ",
        endpoint.encode(),
        b"\r\ntraceparent: ",
        trace.header.encode(),
        b"\r\n",
    ]
    own = _NOT_FORWARDED | _named_by_connection(request.headers)
    for name, value in request.headers:
        if name not in own and (vouched or not name.startswith(_OURS)):
            parts += (name, b": ", value, b"\r\n")
    baggage = filter_baggage(request.header(b"baggage"))
    if baggage:
        parts.append(f"baggage: {baggage}\r\n".encode("latin-1"))
    if body_bytes is None:
        parts.append(b"transfer-encoding: chunked\r\n")
    elif body_bytes or request.method not in ("GET", "HEAD", "OPTIONS"):
        parts.append(b"content-length: %d\r\n" % body_bytes)
    parts.append(b"\r\n")
    return b"".join(parts)


def render_response_head(
    head: ResponseHead, request: Request, trace_id: str, *, close: bool
) -> bytes:
    """A worker's head as the client gets it."""
    cors = request.header(b"origin") is not None
    parts = [_status_line(head.status)]
    traced = False
    own = _HOP_BY_HOP | _named_by_connection(head.headers)
    for name, value in head.headers:
        if name in own or name.startswith(_OURS) or (cors and name.startswith(b"access-control-")):
            continue
        traced = traced or name == b"x-trace-id"
        parts += (name, b": ", value, b"\r\n")
    if not traced:
        parts.append(f"{TRACE_HEADER}: {trace_id}\r\n".encode())
    parts.append(request.cors)
    if head.chunked and not request.http_1_0:
        parts.append(b"transfer-encoding: chunked\r\n")
    if close:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)


def filter_baggage(header: str | None) -> str:
    """The entries of a W3C Baggage header that are ours; others do not cross the border."""
    return ",".join(f"{name}={value}" for name, value in read_baggage(header).items())


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    named = [value for name, value in headers if name == b"connection"]
    if not named or all(value.lower() in (b"keep-alive", b"close") for value in named):
        return frozenset()
    return frozenset(token.strip().lower() for value in named for token in value.split(b","))


@functools.cache
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
