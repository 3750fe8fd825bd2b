"""A request as it came, checked against what HTTP/1.1 allows and what we are ready to hold.

httptools lets several things through that a proxy must not: two Host headers, absolute-form
targets, any number and size of headers. They are refused here (RFC 9112 sections 3.2, 3.3, 6.3).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphwarden.api.errors import Reason
from graphwarden.router.access import ANYBODY, Caller
from graphwarden.router.errors import RouterError, bad_request

if TYPE_CHECKING:
    from graphwarden.router.express_call import ExpressCall
    from graphwarden.router.spans import Sent

HEADER_COUNT_LIMIT = 100
HEAD_BYTES_LIMIT = 64 * 2**10
_STREAM_HIGH_WATER = 256 * 2**10
_PIECE_BYTES = 4096
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Headers = list[tuple[bytes, bytes]]


class Body:
    """The bytes after the head, as they arrive."""

    __slots__ = (
        "_buffered",
        "_chunks",
        "_error",
        "_pause",
        "_resume",
        "_streaming",
        "_waiter",
        "complete",
        "limit",
        "size",
    )

    def __init__(self, limit: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.limit = limit
        self.size = 0
        self.complete = False
        self._chunks: list[bytes | bytearray] = []
        self._buffered = 0
        self._streaming = False
        self._error: RouterError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pause = pause
        self._resume = resume

    def feed(self, data: bytes) -> None:
        """More of it."""
        self.size += len(data)
        if self.size > self.limit:
            self.fail(too_large(self.limit))
        elif self._error is None:
            self._keep(data)
            self._buffered += len(data)
            self._hold_back()
            self._wake()

    def _keep(self, data: bytes) -> None:
        """Small pieces grow together: a body that comes byte by byte is no longer than it is."""
        last = self._chunks[-1] if self._chunks else None
        if isinstance(last, bytearray) and len(last) < _PIECE_BYTES:
            last += data
        else:
            self._chunks.append(bytearray(data) if len(data) < _PIECE_BYTES else data)

    def finish(self) -> None:
        """That was all."""
        self.complete = True
        self._wake()

    def fail(self, error: RouterError) -> None:
        """It will not arrive."""
        if self._error is None and not self.complete:
            self._error = error
            self._chunks.clear()
            self._wake()

    async def read(self) -> bytes:
        """All of it.

        Raises:
            RouterError: it is too large, or did not arrive.
        """
        while not self.complete and self._error is None:
            await self._wait()
        if self._error is not None:
            raise self._error
        return b"".join(self._chunks)

    async def peek(self) -> bytes:
        """Its first piece, which stays where it is.

        Raises:
            RouterError: it is too large, or did not arrive.
        """
        while not self._chunks and not self.complete and self._error is None:
            await self._wait()
        if self._error is not None:
            raise self._error
        return bytes(self._chunks[0]) if self._chunks else b""

    def stream(self) -> AsyncIterator[bytes]:
        """Its pieces as they arrive; from now on the sender is held back while nobody takes them.

        Raises:
            RouterError: the rest is too large, or did not arrive.
        """
        self._streaming = True
        self._hold_back()
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while True:
            if self._error is not None:
                raise self._error
            chunks, self._chunks, self._buffered = self._chunks, [], 0
            self._resume()
            for chunk in chunks:
                yield bytes(chunk)
            if not self._chunks and self.complete:
                return
            if not self._chunks and self._error is None:
                await self._wait()

    def _hold_back(self) -> None:
        if self._streaming and self._buffered > _STREAM_HIGH_WATER and not self.complete:
            self._pause()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


@dataclass(slots=True)
class Request:
    """One request. Header names are in lower case; `target` is path and query as sent."""

    method: str
    target: bytes
    headers: Headers
    body: Body
    http_1_0: bool
    keep_alive: bool
    path: str = field(default="")
    caller: Caller = ANYBODY
    # The lines that tell a browser that it may read the answer, where it may.
    cors: bytes = b""
    # Sent to a worker on the short way, which did not end there.
    started: ExpressCall | None = None
    # The workers that it was sent to, also by calls of the router's own in its name.
    sent: list[Sent] = field(default_factory=list)

    def decide_close(self) -> bool:
        """Whether the answer about to begin is to say that it is the last (RFC 9112, section 9.6).

        A connection that ends without that takes with it what the client sends then. It ends where
        the client asked for it, where the router leaves, and after an answer that did not wait for
        the whole request.
        """
        self.keep_alive = self.keep_alive and self.body.complete
        return not self.keep_alive

    @property
    def content_length(self) -> int | None:
        """Bytes of the body; None when it comes in chunks."""
        length = self.header(b"content-length")
        if length is not None:
            return int(length)
        return None if self.header(b"transfer-encoding") is not None else 0

    def header(self, name: bytes) -> str | None:
        """The first header of that name."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


def too_large(limit: int) -> RouterError:
    """The answer to a body past the limit."""
    detail = f"the request body is larger than {limit} bytes"
    return RouterError(413, Reason.BODY_TOO_LARGE, detail, close=True)


def too_many_connections() -> RouterError:
    """The answer to a connection past the limit."""
    detail = "the router has as many connections as it may; try again later"
    headers = {"retry-after": "1"}
    return RouterError(503, Reason.TOO_MANY_CONNECTIONS, detail, headers, close=True)


def head_too_large() -> RouterError:
    """The answer to too many or too long headers."""
    detail = f"the request has more than {HEADER_COUNT_LIMIT} headers or {HEAD_BYTES_LIMIT} bytes"
    return bad_request(f"{detail} of head", status=431, reason=Reason.HEADERS_TOO_LARGE)


def check_request(request: Request, max_body_bytes: int) -> None:
    """Refuse what two servers in a row could understand differently.

    Raises:
        RouterError: 400, 413, 431 or 501; the connection is closed after it.
    """
    if request.method not in _METHODS:
        raise bad_request(f"method {request.method} is not served", status=501)
    if not request.target.startswith(b"/"):
        raise bad_request("the request target must be a path")
    if len(request.headers) > HEADER_COUNT_LIMIT:
        raise head_too_large()
    counts = {b"host": 0, b"content-length": 0, b"transfer-encoding": 0}
    for name, value in request.headers:
        if name in counts:
            counts[name] += 1
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise bad_request("the only transfer-encoding served is chunked", status=501)
        if name == b"content-length":
            _check_length(value, max_body_bytes)
        if name == b"upgrade" and value.lower() != b"h2c":
            raise bad_request("upgrades are not served", status=501)
    if counts[b"host"] > 1 or (counts[b"host"] == 0 and not request.http_1_0):
        raise bad_request("a request has exactly one Host header")
    if counts[b"content-length"] + counts[b"transfer-encoding"] > 1:
        raise bad_request("a request has one Content-Length or one Transfer-Encoding, not both")
    if counts[b"transfer-encoding"] and request.http_1_0:
        raise bad_request("HTTP/1.0 has no Transfer-Encoding")


def _check_length(value: bytes, max_body_bytes: int) -> None:
    if not value.isdigit() or len(value) > 18:
        raise bad_request("Content-Length is not a number")
    if int(value) > max_body_bytes:
        raise too_large(max_body_bytes)
