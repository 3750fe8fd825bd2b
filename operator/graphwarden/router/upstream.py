"""One connection to a worker: a request goes out, the bytes of its answer come in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, cast

import httptools

from graphwarden.router.gate import Gate
from graphwarden.router.outbox import Outbox
from graphwarden.router.request import Headers

# Below this, a copy of a body is cheaper than a system call.
_COPIED_BYTES = 64 * 2**10


def keep_alive(connection: socket.socket) -> None:
    """Have the kernel ask a silent peer whether it still lives, so that a lost node is noticed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        # Not every system names all three.
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class Receiver(Protocol):
    """What takes an answer as it comes over the wire."""

    def on_answer(self, data: bytes) -> None:
        """Bytes of it."""

    def on_lost(self, exc: Exception | None) -> None:
        """No more will come."""


class ConnectionBroken(Exception):
    """The worker went away after it may have started."""


@dataclass(slots=True)
class ResponseHead:
    """Status and headers of a worker's answer; names are in lower case."""

    status: int
    headers: Headers
    chunked: bool
    has_length: bool

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the end of the connection ends the body (RFC 9112, section 6.3)."""
        return not self.chunked and not self.has_length and self.status not in (204, 304)

    def header(self, name: bytes) -> str | None:
        """The first header of that name."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


class UpstreamConnection(asyncio.Protocol):
    """One connection to a worker."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.host_line = endpoint.encode()
        self.receiver: Receiver | None = None
        self.idle_since = 0.0
        self.was_used = False
        self._loop = asyncio.get_running_loop()
        # Answers of one piece are read without it.
        self._parser: httptools.HttpResponseParser | None = None
        self._transport: asyncio.Transport | None = None
        self._unsent = b""
        self._headers: Headers = []
        self._pending: list[bytes] = []
        self._sink: Callable[[bytes], None] | None = None
        self._head: asyncio.Future[ResponseHead] | None = None
        self._done: asyncio.Future[None] | None = None
        self._head_only = False
        self._keep = False
        self._held_back = False
        self._until_closed = False
        self._writable = Gate()

    @property
    def is_open(self) -> bool:
        """Whether another request could be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def send(
        self, head: bytes, body: bytes | AsyncIterator[bytes], *, method: str
    ) -> ResponseHead:
        """Send a request and wait for the head of its answer.

        Raises:
            ConnectionBroken: the worker may have started, and gave no answer.
        """
        self._prepare(method)
        if isinstance(body, bytes):
            self._write(head + body if len(body) < _COPIED_BYTES else head)
            if len(body) >= _COPIED_BYTES:
                self._write(body)
        else:
            await self._send_stream(head, body)
        return await self.wait_for_head()

    def send_raw(self, head: bytes, body: memoryview, outbox: Outbox) -> None:
        """Send a whole request; all that comes back goes to the receiver as it is."""
        self._keep = True
        if len(body) < _COPIED_BYTES:
            self._unsent = head + body
            outbox.add(self)
        else:
            self._write(head)
            self._write(body)

    def flush(self) -> None:
        """Send what waited for the end of the turn; nothing where the connection ended in it."""
        unsent, self._unsent = self._unsent, b""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(unsent)

    def expect(self, method: str, data: bytes) -> None:
        """From now on as after `send`, with what the receiver got of the answer."""
        self.receiver = None
        self._prepare(method)
        if self._transport is None:
            self._break(ConnectionBroken("connection closed"))
        elif data:
            self.data_received(data)

    async def wait_for_head(self) -> ResponseHead:
        """The head of the answer.

        Raises:
            ConnectionBroken: the worker may have started, and gave no answer.
        """
        assert self._head is not None, "nothing was sent"
        return await self._head

    def relay(self, sink: Callable[[bytes], None]) -> None:
        """Give the body of the answer to `sink`, piece by piece, from now on."""
        self._sink = sink
        for piece in self.take_pieces():
            sink(piece)

    def take_pieces(self) -> list[bytes]:
        """The pieces of the body that came before `relay`."""
        pieces, self._pending = self._pending, []
        return pieces

    @property
    def is_done(self) -> bool:
        """Whether the whole answer has come."""
        return self._done is not None and self._done.done() and not self._done.exception()

    async def wait_until_done(self) -> None:
        """Wait for the end of the answer.

        Raises:
            ConnectionBroken: the worker went away before it.
        """
        assert self._done is not None, "nothing was sent"
        await self._done

    def hold_back(self, yes: bool) -> None:
        """Stop or go on reading from the worker, as the client keeps up or not."""
        if yes == self._held_back:
            return
        self._held_back = yes
        if self._transport is not None and not self._transport.is_closing():
            if yes:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    @property
    def has_answered(self) -> bool:
        """Whether a byte of the answer to the present request has come."""
        return self._head is not None and self._head.done() and not self._head.exception()

    @property
    def can_be_kept(self) -> bool:
        """Whether the connection is clean for another request."""
        return self._keep and self.is_open

    def abort(self) -> None:
        """Let go at once; the worker sees its client leave."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Let go."""
        if self._transport is not None:
            self._transport.close()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        keep_alive(transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._writable.open()
        if self._until_closed and exc is None:
            self._finish()
        self._break(ConnectionBroken(str(exc) if exc else "connection closed"))
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.on_lost(exc)

    def _break(self, broken: ConnectionBroken) -> None:
        if self._head is not None and not self._head.done():
            self._head.set_exception(broken)
        if self._done is not None and not self._done.done():
            self._done.set_exception(broken)
            # Whoever waits for the head alone never looks at this one.
            self._done.exception()

    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver is not None:
            receiver.on_answer(data)
            return
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._keep = False
            self.abort()

    def pause_writing(self) -> None:
        self._writable.close()

    def resume_writing(self) -> None:
        self._writable.open()

    # The parser's side

    def on_message_begin(self) -> None:
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None, "it is the parser that calls"
        status = self._parser.get_status_code()
        if status < 200 or self._head is None or self._head.done():
            return
        names = {name for name, _ in self._headers}
        head = ResponseHead(
            status=status,
            headers=self._headers,
            chunked=b"transfer-encoding" in names,
            has_length=b"content-length" in names,
        )
        self._keep = self._parser.should_keep_alive()
        self._until_closed = head.ends_with_connection
        self._head.set_result(head)
        if self._head_only:
            self._keep = False
            self._finish()

    def on_body(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink(data)
        else:
            self._pending.append(data)

    def on_message_complete(self) -> None:
        assert self._parser is not None, "it is the parser that calls"
        if self._parser.get_status_code() >= 200:
            self._finish()

    def _prepare(self, method: str) -> None:
        self._head = self._loop.create_future()
        self._done = self._loop.create_future()
        self._head_only = method == "HEAD"
        self._keep = False
        self._until_closed = False
        self._pending = []
        self._sink = None

    def _finish(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _write(self, data: bytes | memoryview) -> None:
        if self._transport is not None:
            self._transport.write(data)

    async def _send_stream(self, head: bytes, body: AsyncIterator[bytes]) -> None:
        self._write(head)
        async for chunk in body:
            await self._writable.wait()
            if self._head is not None and self._head.done():
                self._keep = False
                return
            self._write(chunk)
