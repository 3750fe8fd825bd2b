"""Calls of graphs by HTTP, as spans of their nodes; hosts of ours are told of the trace.

langgraph-sdk, RemoteGraph, the clients of model vendors and most others speak through httpx, whose
transports are the last to see a request. A third party is never told: a vendor would get to know
which of its calls belong together. What is said of a call is its method, its host and its end:
paths and queries hold names and addresses.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from graphwarden.worker.spans import Spans, WorkerSpan


def watch_calls(spans: Spans) -> None:
    """Have httpx's own transports tell of their calls. For once in the life of a process."""
    over_sockets = httpx.HTTPTransport.handle_request
    over_loop = httpx.AsyncHTTPTransport.handle_async_request

    @functools.wraps(over_sockets)
    def handle_request(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        with _call(spans, request) as span:
            return _note(span, over_sockets(self, request))

    @functools.wraps(over_loop)
    async def handle_async_request(
        self: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        with _call(spans, request) as span:
            return _note(span, await over_loop(self, request))

    httpx.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign]
    httpx.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[method-assign]


@contextmanager
def _call(spans: Spans, request: httpx.Request) -> Iterator[WorkerSpan | None]:
    """The span of a call, up to the head of its answer; None outside of traces."""
    url = request.url
    if not spans.is_in_trace:
        yield None
        return
    told: dict[str, str | int] = {
        "http.request.method": request.method,
        "server.address": url.host,
        "server.port": url.port or (443 if url.scheme == "https" else 80),
    }
    span = spans.begin(request.method, told, kind="client")
    request.headers.update(spans.inject(url.host))
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        span.end()


def _note(span: WorkerSpan | None, answer: httpx.Response) -> httpx.Response:
    if span is not None:
        span.set({"http.response.status_code": answer.status_code})
        if answer.status_code >= 400:
            span.fail(str(answer.status_code))
    return answer
