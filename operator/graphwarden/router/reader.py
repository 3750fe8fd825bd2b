"""Requests out of bytes (RFC 9112), for all that is not on the short way."""

from __future__ import annotations

import time
from typing import Protocol

import httptools

from graphwarden.router.answers import make_cors
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


class Client(Protocol):
    """Whose bytes they are."""

    def take(self, request: Request) -> None:
        """A request has come; of its body perhaps nothing yet."""

    def hold_back(self) -> None:
        """Read no more for now."""

    def go_on(self) -> None:
        """Read on."""


class RequestReader:
    """The requests of one connection.

    Args:
        settings: with the limits.
        client: gets the requests, in order.
    """

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._parser = httptools.HttpRequestParser(self)
        # Of the request whose head is whole and whose body is not.
        self.body: Body | None = None
        self.in_head = False
        self.head_since = 0.0
        self._head_bytes = 0
        self._url = b""
        self._headers: Headers = []

    @property
    def is_inside(self) -> bool:
        """Whether a request has begun and not ended."""
        return self.in_head or self.body is not None

    def feed(self, data: bytes) -> None:
        """More bytes.

        Raises:
            RouterError: no byte after this can be trusted to be what it seems.
        """
        body, size = self.body, self.body.size if self.body is not None else 0
        broken: RouterError | None = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            broken = bad_request("upgrades are not served", status=501)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            broken = cause if isinstance(cause, RouterError) else bad_request(str(error))
        except httptools.HttpParserError as error:
            broken = bad_request(f"this is not HTTP: {error}")
        if broken is not None:
            raise broken
        if self.in_head or (self.body is not None and self.body is body and body.size == size):
            # A head, or what looks like no end of trailers and chunk extensions.
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_LIMIT:
                raise head_too_large()
        else:
            self._head_bytes = 0

    def fail(self, error: RouterError) -> bool:
        """Read no further; whether there was a request whose handler hears of it by its body."""
        self.in_head = False
        if self.body is None:
            return False
        self.body.fail(error)
        return True

    # The parser's side

    def on_message_begin(self) -> None:
        self.in_head = True
        self._head_bytes = 0
        self.head_since = time.monotonic()
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.body is not None:
            # A trailer may not become a header (RFC 9110, section 6.5.1); none is needed here.
            return
        self._headers.append((name.lower(), value))
        if len(self._headers) > HEAD_BYTES_LIMIT // 4:
            raise head_too_large()

    def on_headers_complete(self) -> None:
        self.in_head = False
        most = self._settings.max_body_bytes
        body = Body(most, self._client.hold_back, self._client.go_on)
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
        check_request(request, most)
        request.cors = make_cors(request.header(b"origin"), self._settings.cors_origins)
        request.path = request.target.split(b"?", 1)[0].decode("latin-1")
        self.body = body
        self._client.take(request)

    def on_body(self, data: bytes) -> None:
        if self.body is not None:
            self.body.feed(data)

    def on_message_complete(self) -> None:
        if self.body is not None:
            self.body.finish()
            self.body = None
