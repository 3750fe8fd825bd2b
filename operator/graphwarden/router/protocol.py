"""The client's side of a connection: bytes in, requests to the handler, answers out, in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import httptools

from graphwarden.api.errors import Reason
from graphwarden.router.answers import make_cors
from graphwarden.router.errors import RouterError, bad_request
from graphwarden.router.express import NOT_TAKEN
from graphwarden.router.gate import Gate
from graphwarden.router.request import (
    HEAD_BYTES_LIMIT,
    Body,
    Headers,
    Request,
    check_request,
    head_too_large,
    too_many_connections,
)
from graphwarden.router.settings import Settings

if TYPE_CHECKING:
    from graphwarden.router.express import Express
    from graphwarden.router.express_call import ExpressCall
    from graphwarden.router.express_wait import ExpressWait

log = logging.getLogger(__name__)

_PIPELINE_LIMIT = 16
_IDLE_SECONDS = 75.0
_CHECK_SECONDS = 5.0
# How long a client that is still sending may go on, so that it gets to read why it was refused.
_LINGER_SECONDS = 2.0
_REFUSED_SECONDS = 0.5

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
        express: Express,
    ) -> None:
        self._settings = settings
        self._handler = handler
        self._refuse = refuse
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._express = express
        self._check_seconds = min(_CHECK_SECONDS, settings.head_timeout_seconds)
        # Made for the first request that needs it.
        self._parser: httptools.HttpRequestParser | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        # Seldom more than one: a list is a tenth of a deque.
        self._queue: list[Request | RouterError] = []
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
        # What came while a call was on the short way, and that call where it left it.
        self._held = b""
        # A request for the short way whose body has not come to its end.
        self._gathered = bytearray()
        self._missing = 0
        self._started: ExpressCall | None = None
        self._unsent = b""
        self._writable = Gate()
        # The router leaves: the next answer says so, and is the last on this connection.
        self.leaving = False
        # The client was told that no answer follows, or there is none to tell it with.
        self.closing = False
        self.busy = False
        self.answered = False
        self.express: ExpressCall | ExpressWait | None = None
        # Called with True when the client does not keep up, with False when it does again.
        self.on_pressure: Callable[[bool], None] | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if len(self._connections) >= self._settings.max_connections:
            self._broken = True
            self._refuse(too_many_connections(), self)
            self._transport.write_eof()
            # What the client is about to send would make a sudden end lose the answer.
            self._loop.call_later(_REFUSED_SECONDS, self._transport.close)
            return
        self._connections.add(self)
        self._last_data = time.monotonic()
        self._timer = self._loop.call_later(self._check_seconds, self._check_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._body is not None:
            self._body.fail(bad_request("the client left"))
        if self._task is not None:
            self._task.cancel()
        if self.express is not None:
            self.express.client_left()
        for waiting in self._queue:
            if isinstance(waiting, Request) and waiting.started is not None:
                waiting.started.abandon()

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        self._last_data = time.monotonic()
        if self.express is not None:
            # The next request waits for the answer to this one.
            self._held += data
            self._pause_reading()
        elif self._gathered:
            self._gather(data)
        elif self._is_between_requests:
            self._try_express(data)
        else:
            self._feed(data)

    @property
    def _is_between_requests(self) -> bool:
        waits = self.busy or self._queue or self._in_head or self._body
        return not waits and not self.closing and self._writable.is_open

    def _try_express(self, data: bytes) -> None:
        missing = self._express.take(self, data)
        if missing == NOT_TAKEN:
            self._feed(data)
        elif missing > 0:
            self._gathered, self._missing = bytearray(data), missing

    def _gather(self, data: bytes) -> None:
        """More of a body that is wanted as a whole."""
        self._gathered += data
        self._missing -= len(data)
        if self._missing <= 0:
            self._try_express(self._take_gathered())

    def _take_gathered(self) -> bytes:
        gathered, self._gathered = self._gathered, bytearray()
        return bytes(gathered)

    def _feed(self, data: bytes) -> None:
        """Bytes for the parser."""
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
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
        self._writable.close()
        if self.on_pressure is not None:
            self.on_pressure(True)

    def resume_writing(self) -> None:
        self._writable.open()
        if self.on_pressure is not None:
            self.on_pressure(False)

    # The parser's side

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._head_since = time.monotonic()
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
        assert self._parser is not None, "it is the parser that calls"
        self._in_head = False
        body = Body(self._settings.max_body_bytes, self._pause_reading, self._resume_reading)
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._url,
            headers=self._headers,
            body=body,
            http_1_0=self._parser.get_http_version() == "1.0",
            keep_alive=self._parser.should_keep_alive() and not self.leaving,
        )
        if sum(len(n) + len(v) for n, v in self._headers) + len(self._url) > HEAD_BYTES_LIMIT:
            raise head_too_large()
        check_request(request, self._settings.max_body_bytes)
        request.cors = make_cors(request.header(b"origin"), self._settings.cors_origins)
        path = request.target.split(b"?", 1)[0]
        request.path = path.decode("latin-1")
        self._body = body
        request.started, self._started = self._started, None
        self._add(request)
        # Not before the answers to what came before it.
        is_next = len(self._queue) == 1 and not self.busy
        if is_next and request.header(b"expect") is not None:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        if self._body is not None:
            self._body.finish()
            self._body = None

    # The handler's side

    @property
    def peer(self) -> str:
        """The address of the client; empty where there is none any more."""
        found = self._transport.get_extra_info("peername") if self._transport else None
        return str(found[0]) if found else ""

    def answer(self, data: bytes) -> None:
        """Send the answer of the short way, when this turn of the loop is over."""
        if not self._unsent:
            self._express.outbox.add(self)
        self._unsent += data

    def flush(self) -> None:
        """Send what waits for the end of the turn: before all that comes after it."""
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            self.write(unsent)

    def write(self, data: bytes) -> None:
        """Send bytes, if the client is still there."""
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def writelines(self, parts: list[bytes]) -> None:
        """Send several pieces in one go."""
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(parts)

    async def until_writable(self) -> None:
        """Wait until a client that reads slowly has caught up."""
        await self._writable.wait()

    def abort(self) -> None:
        """Break the connection, so that the client sees that its answer is not complete."""
        if self._transport is not None:
            self._transport.abort()

    def decide_close(self, *, asked: bool = False) -> bool:
        """Whether the answer about to begin is to say that it is the last (RFC 9112, section 9.6).

        Where the connection ends without that, a request on its way then is lost.
        """
        self.closing = self.closing or self.leaving or asked
        return self.closing

    def close_if_quiet(self, seconds: float) -> None:
        """Close, if nothing was asked or answered here for so long."""
        idle = not (self.busy or self._queue or self._gathered or self._in_head)
        if idle and time.monotonic() - self._last_data >= seconds:
            self._close()

    def end_express(self) -> None:
        """The call on the short way was answered."""
        self.busy = False
        self._last_data = time.monotonic()
        if self.closing:
            self._close()
        elif self._held:
            data, self._held = self._held, b""
            self._resume_reading()
            self.data_received(data)

    def take_over(self, call: ExpressCall) -> None:
        """Serve a call in the general way that the short way could not bring to its end."""
        self._started = call
        self._feed(call.data)
        if self._started is not None:
            # The parser sees something else in it: then nobody may have it.
            self._started = None
            call.abandon()
        self._feed_held()

    def begin_anew(self, data: bytes) -> None:
        """Serve a request in the general way that the short way had not sent yet."""
        self.busy = False
        self._feed(data)
        self._feed_held()

    def _feed_held(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._resume_reading()
            self._feed(data)

    async def _serve(self) -> None:
        while self._transport is not None:
            while not self._queue:
                self._arrival = self._loop.create_future()
                await self._arrival
            request = self._queue.pop(0)
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
                self._last_data = time.monotonic()
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
            self.flush()
            transport.write_eof()
            self._resume_reading()
            await asyncio.sleep(_LINGER_SECONDS)
        self._close()

    def _close(self) -> None:
        """No byte that was promised is lost by it."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def _add(self, item: Request | RouterError) -> None:
        self._queue.append(item)
        if len(self._queue) >= _PIPELINE_LIMIT:
            self._pause_reading()
        if self._task is None:
            self._task = self._loop.create_task(self._serve())
        elif self._arrival is not None and not self._arrival.done():
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
        now = time.monotonic()
        if self._transport is not None and not self._transport.is_reading():
            # We are the ones who wait.
            self._last_data = now
        quiet = now - self._last_data
        if self._gathered and quiet > self._settings.body_timeout_seconds:
            self._feed(self._take_gathered())
        if self._in_head and now - self._head_since > self._settings.head_timeout_seconds:
            self._break(_too_slow("the head of the request"))
        elif self._body is not None and quiet > self._settings.body_timeout_seconds:
            self._break(_too_slow("the body of the request"))
        elif not (self.busy or self._in_head or self._gathered) and quiet > _IDLE_SECONDS:
            self._close()
            return
        self._timer = self._loop.call_later(self._check_seconds, self._check_patience)

    def _pause_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


def _too_slow(what: str) -> RouterError:
    return RouterError(408, Reason.REQUEST_TIMEOUT, f"{what} did not arrive in time", close=True)
