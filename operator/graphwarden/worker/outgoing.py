"""Calls of graphs by HTTP, as spans of their nodes; hosts of ours are told of the trace.

langgraph-sdk, RemoteGraph, the clients of model vendors and most others speak through httpx, whose
transports are the last to see a request. A third party is never told: a vendor would get to know
which of its calls belong together. What is said of a call is its method, its host and its end:
paths and queries hold names and addresses.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator

import httpx

from graphwarden.worker.spans import Spans, WorkerSpan

# What a request had in place of what we told with it; goes along where its host leads elsewhere.
_BEFORE = "graphwarden.before"


def watch_calls(spans: Spans) -> None:
    """Have httpx's own transports tell of their calls. For once in the life of a process."""
    over_sockets = httpx.HTTPTransport.handle_request
    over_loop = httpx.AsyncHTTPTransport.handle_async_request

    @functools.wraps(over_sockets)
    def handle_request(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        call = _begin(spans, request)
        if call is None:
            return over_sockets(self, request)
        try:
            return call.answered(over_sockets(self, request))
        except BaseException as error:
            call.broke(error)
            call.end()
            raise

    @functools.wraps(over_loop)
    async def handle_async_request(
        self: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        call = _begin(spans, request)
        if call is None:
            return await over_loop(self, request)
        try:
            return call.answered(await over_loop(self, request))
        except BaseException as error:
            call.broke(error)
            call.end()
            raise

    httpx.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign]
    httpx.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[method-assign]


def _begin(spans: Spans, request: httpx.Request) -> _Call | None:
    """A call within a trace; its request says so where the host is ours."""
    if not spans.is_in_trace:
        return None
    url = request.url
    told: dict[str, str | int] = {
        "http.request.method": request.method,
        "server.address": url.host,
        "server.port": url.port or (443 if url.scheme == "https" else 80),
    }
    span = spans.begin(request.method, told, kind="client")
    tell(request, spans.inject(url.host))
    return _Call(span)


def tell(request: httpx.Request, told: dict[str, str]) -> None:
    """Have a request carry this, and nothing that was told to a host that led to this one."""
    before: dict[str, str | None] = request.extensions.pop(_BEFORE, {})
    for name, theirs in before.items():
        if theirs is None:
            request.headers.pop(name, None)
        else:
            request.headers[name] = theirs
    request.extensions[_BEFORE] = {name: request.headers.get(name) for name in told}
    for name, value in told.items():
        # LangSmith's clients have a baggage of their own.
        theirs = request.headers.get(name) if name == "baggage" else None
        request.headers[name] = f"{theirs},{value}" if theirs else value


class _Call:
    """The span of a call: current up to the head of its answer, over with the end of the body."""

    def __init__(self, span: WorkerSpan) -> None:
        self._span: WorkerSpan | None = span

    def answered(self, answer: httpx.Response) -> httpx.Response:
        """The head of the answer is here; what the caller does while it reads is no part of it."""
        if self._span is not None:
            self._span.set({"http.response.status_code": answer.status_code})
            if answer.status_code >= 400:
                self._span.fail(str(answer.status_code))
            self._span.leave()
        body = answer.stream
        if isinstance(body, httpx.AsyncByteStream):
            answer.stream = _AsyncBody(body, self)
        else:
            answer.stream = _Body(body, self)
        return answer

    def broke(self, error: BaseException) -> None:
        """There is no answer, or not all of it."""
        if self._span is not None:
            self._span.fail(type(error).__name__)

    def end(self) -> None:
        """Nobody reads more of it."""
        span, self._span = self._span, None
        if span is not None:
            span.end()


class _Body(httpx.SyncByteStream):
    def __init__(self, body: httpx.SyncByteStream, call: _Call) -> None:
        self._body = body
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            self._call.broke(error)
            raise

    def close(self) -> None:
        try:
            self._body.close()
        finally:
            self._call.end()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, body: httpx.AsyncByteStream, call: _Call) -> None:
        self._body = body
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._body:
                yield part
        except Exception as error:
            self._call.broke(error)
            raise

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            self._call.end()
