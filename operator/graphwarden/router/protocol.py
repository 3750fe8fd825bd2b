"""The client's side of a connection: bytes in, requests to the handler, answers out, in order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools

from graphwarden.api.errors import Reason
from graphwarden.router.errors import RouterError, bad_request
from graphwarden.router.request import (
    HEAD_BYTES_LIMIT,
    Body,
    Headers,
    Request,
    check_request,
    head_too_large,
)
from graphwarden.router.settings import Settings

log = logging.getLogger(__name__)

_PIPELINE_LIMIT = 16
_IDLE_SECONDS = 75.0
_CHECK_SECONDS = 5.0
# How long a client that is still sending may go on, so that it gets to read why it was refused.
_LINGER_SECONDS = 2.0

Handler = Callable[[Request, "ClientProtocol"], Awaitable[None]]
Refuser = Callable[[RouterError, "ClientProtocol"], None]


class ClientProtocol(asyncio.Protocol):
    """One client connection. Requests on it are served one after the other (RFC 9112, 9.3.2)."""

    def __init__(
        self,
        settings: Settings,
        handler: Handler,
        refuse: Refuser,
        connections: set[ClientProtocol],
    ) -> None:
        self._settings = settings
        self._handler = handler
        self._refuse = refuse
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[Request | RouterError] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._body: Body | None = None
        self._in_head = False
        self._head_bytes = 0
        self._head_since = 0.0
        self._last_data = 0.0
        self._url = b""
        self._headers: Headers = []
        self._broken = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.closing = False
        self.busy = False
        self.answered = False
        # Called with True when the client does not keep up, with False when it does again.
        self.on_pressure: Callable[[bool], None] | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._last_data = self._loop.time()
        self._timer = self._loop.call_later(_CHECK_SECONDS, self._check_patience)
        self._task = self._loop.create_task(self._serve())

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._body is not None:
            self._body.fail(bad_request("the client left"))
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        self._last_data = self._loop.time()
        body, size = self._body, self._body.size if self._body is not None else 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._break(bad_request("upgrades are not served", status=501))
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._break(cause if isinstance(cause, RouterError) else bad_request(str(error)))
        except httptools.HttpParserError as error:
            self._break(bad_request(f"this is not HTTP: {error}"))
        if self._in_head or (self._body is not None and self._body is body and body.size == size):
            # A head, or what looks like no end of trailers and chunk extensions.
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_LIMIT:
                self._break(head_too_large())
        else:
            self._head_bytes = 0

    def pause_writing(self) -> None:
        self._writable.clear()
        if self.on_pressure is not None:
            self.on_pressure(True)

    def resume_writing(self) -> None:
        self._writable.set()
        if self.on_pressure is not None:
            self.on_pressure(False)

    # The parser's side

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._head_since = self._loop.time()
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body is not None:
            # A trailer may not become a header (RFC 9110, section 6.5.1); none is needed here.
            return
        self._headers.append((name.lower(), value))
        if len(self._headers) > HEAD_BYTES_LIMIT // 4:
            raise head_too_large()

    def on_headers_complete(self) -> None:
        self._in_head = False
        body = Body(self._settings.max_body_bytes, self._pause_reading, self._resume_reading)
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._url,
            headers=self._headers,
            body=body,
            http_1_0=self._parser.get_http_version() == "1.0",
            keep_alive=self._parser.should_keep_alive(),
        )
        if sum(len(n) + len(v) for n, v in self._headers) + len(self._url) > HEAD_BYTES_LIMIT:
            raise head_too_large()
        check_request(request, self._settings.max_body_bytes)
        path = request.target.split(b"?", 1)[0]
        request.path = path.decode("latin-1")
        self._body = body
        self._add(request)
        if request.header(b"expect") is not None and not self.busy:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        if self._body is not None:
            self._body.finish()
            self._body = None

    # The handler's side

    def write(self, data: bytes) -> None:
        """Send bytes, if the client is still there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def writelines(self, parts: list[bytes]) -> None:
        """Send several pieces in one go."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(parts)

    def abort(self) -> None:
        """Break the connection, so that the client sees that its answer is not complete."""
        if self._transport is not None:
            self._transport.abort()

    def close_when_idle(self) -> None:
        """Take no further request; the one in progress is finished."""
        self.closing = True
        if not self.busy and self._transport is not None:
            self._transport.close()

    async def _serve(self) -> None:
        while self._transport is not None:
            while not self._queue:
                self._arrival = self._loop.create_future()
                await self._arrival
            request = self._queue.popleft()
            self._resume_reading()
            if isinstance(request, RouterError):
                self._refuse(request, self)
                break
            self.busy, self.answered = True, False
            try:
                await self._handler(request, self)
            finally:
                self.busy = False
                self.on_pressure = None
            if self.closing or not request.keep_alive or not request.body.complete:
                break
            # Answers must not pile up for a client that asks on and on and reads nothing.
            await self._writable.wait()
        await self._part()

    async def _part(self) -> None:
        """Close; a client in the middle of sending would lose the answer to a sudden end."""
        transport = self._transport
        if transport is not None and (self._broken or self._body is not None):
            self._broken = True
            transport.write_eof()
            self._resume_reading()
            await asyncio.sleep(_LINGER_SECONDS)
        if self._transport is not None:
            self._transport.close()

    def _add(self, item: Request | RouterError) -> None:
        self._queue.append(item)
        if len(self._queue) >= _PIPELINE_LIMIT:
            self._pause_reading()
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _break(self, error: RouterError) -> None:
        """No byte after this can be trusted to be what it seems."""
        if self._broken:
            return
        self._broken = True
        self._in_head = False
        if self._body is not None:
            self._body.fail(error)
        else:
            self._add(error)

    def _check_patience(self) -> None:
        now = self._loop.time()
        if self._transport is not None and not self._transport.is_reading():
            # We are the ones who wait.
            self._last_data = now
        quiet = now - self._last_data
        if self._in_head and now - self._head_since > self._settings.head_timeout_seconds:
            self._break(_too_slow("the head of the request"))
        elif self._body is not None and quiet > self._settings.body_timeout_seconds:
            self._break(_too_slow("the body of the request"))
        elif not self.busy and not self._in_head and quiet > _IDLE_SECONDS:
            if self._transport is not None:
                self._transport.close()
            return
        self._timer = self._loop.call_later(_CHECK_SECONDS, self._check_patience)

    def _pause_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


def _too_slow(what: str) -> RouterError:
    return RouterError(408, Reason.REQUEST_TIMEOUT, f"{what} did not arrive in time", close=True)
