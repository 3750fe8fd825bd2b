"""The client's side of a connection: bytes in, requests to the handler, answers out, in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from graphwarden.api.errors import Reason
from graphwarden.router.errors import RouterError, bad_request
from graphwarden.router.express import NOT_TAKEN
from graphwarden.router.gate import Gate
from graphwarden.router.reader import RequestReader
from graphwarden.router.request import Request, too_many_connections
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
        self._reader: RequestReader | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        # Seldom more than one: a list is a tenth of a deque.
        self._queue: list[Request | RouterError] = []
        self._arrival: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_data = 0.0
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
        # The client was told by an answer of the short way that no other follows.
        self.closing = False
        self._current: Request | None = None
        # Since when nothing was asked or answered.
        self._quiet_since = 0.0
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
        self._last_data = self._quiet_since = time.monotonic()
        self._timer = self._loop.call_later(self._check_seconds, self._check_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._reader is not None:
            self._reader.fail(bad_request("the client left"))
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
            self.hold_back()
        elif self._gathered:
            self._gather(data)
        elif self._is_between_requests:
            self._try_express(data)
        else:
            self._feed(data)

    @property
    def _is_between_requests(self) -> bool:
        waits = self.busy or self._queue or self._is_inside_request
        return not waits and not self.closing and self._writable.is_open

    @property
    def _is_inside_request(self) -> bool:
        return self._reader is not None and self._reader.is_inside

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
        """Bytes for the general way."""
        if self._reader is None:
            self._reader = RequestReader(self._settings, self)
        try:
            self._reader.feed(data)
        except RouterError as error:
            self._break(error)

    def pause_writing(self) -> None:
        self._writable.close()
        if self.on_pressure is not None:
            self.on_pressure(True)

    def resume_writing(self) -> None:
        self._writable.open()
        if self.on_pressure is not None:
            self.on_pressure(False)

    # The reader's side

    def take(self, request: Request) -> None:
        """One more request; of its body perhaps nothing has come yet."""
        request.keep_alive = request.keep_alive and not self.leaving
        request.started, self._started = self._started, None
        self._add(request)
        # Not before the answers to what came before it.
        is_next = len(self._queue) == 1 and not self.busy
        if is_next and request.header(b"expect") is not None:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def hold_back(self) -> None:
        """Read no more for now."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

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

    def leave(self) -> None:
        """The router leaves: what has no answer yet gets one that says so."""
        self.leaving = True
        for request in self._queue:
            if isinstance(request, Request):
                request.keep_alive = False
        if self._current is not None and not self.answered:
            self._current.keep_alive = False

    def decide_close(self) -> bool:
        """Whether an answer of the short way is to say that it is the last."""
        self.closing = self.closing or self.leaving
        return self.closing

    def close_if_quiet(self, seconds: float) -> None:
        """Close, if nothing was asked or answered here for so long."""
        if self._is_idle and time.monotonic() - self._quiet_since >= seconds:
            self._close()

    @property
    def _is_idle(self) -> bool:
        return not (self.busy or self._queue or self._gathered or self._is_inside_request)

    def end_express(self) -> None:
        """The call on the short way was answered."""
        self.busy = False
        self._quiet_since = time.monotonic()
        if self.closing:
            self._close()
        elif self._held:
            data, self._held = self._held, b""
            self.go_on()
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
            self.go_on()
            self._feed(data)

    async def _serve(self) -> None:
        while self._transport is not None:
            while not self._queue:
                self._arrival = self._loop.create_future()
                await self._arrival
            request = self._queue.pop(0)
            self.go_on()
            if isinstance(request, RouterError):
                self._refuse(request, self)
                break
            self.busy, self.answered, self._current = True, False, request
            try:
                await self._handler(request, self)
            finally:
                self.busy, self._current = False, None
                self.on_pressure = None
                self._quiet_since = time.monotonic()
            if not request.keep_alive or not request.body.complete:
                break
            # Answers must not pile up for a client that asks on and on and reads nothing.
            await self._writable.wait()
        await self._part()

    async def _part(self) -> None:
        """Close; a client in the middle of sending would lose the answer to a sudden end."""
        transport = self._transport
        if transport is not None and (self._broken or self._is_inside_request):
            self._broken = True
            self.flush()
            transport.write_eof()
            self.go_on()
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
            self.hold_back()
        if self._task is None:
            self._task = self._loop.create_task(self._serve())
        elif self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _break(self, error: RouterError) -> None:
        """No byte after this can be trusted to be what it seems."""
        if self._broken:
            return
        self._broken = True
        if self._reader is None or not self._reader.fail(error):
            self._add(error)

    def _check_patience(self) -> None:
        now = time.monotonic()
        if self._transport is not None and not self._transport.is_reading():
            # We are the ones who wait.
            self._last_data = now
        quiet = now - self._last_data
        if self._gathered and quiet > self._settings.body_timeout_seconds:
            self._feed(self._take_gathered())
        reader = self._reader
        if reader is not None and reader.in_head:
            if now - reader.head_since > self._settings.head_timeout_seconds:
                self._break(_too_slow("the head of the request"))
        elif reader is not None and reader.body is not None:
            if quiet > self._settings.body_timeout_seconds:
                self._break(_too_slow("the body of the request"))
        elif self._is_idle and now - self._quiet_since > _IDLE_SECONDS:
            self._close()
            return
        self._timer = self._loop.call_later(self._check_seconds, self._check_patience)


def _too_slow(what: str) -> RouterError:
    return RouterError(408, Reason.REQUEST_TIMEOUT, f"{what} did not arrive in time", close=True)
