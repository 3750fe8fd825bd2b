"""Header lines, each looked at once: what a line means for whoever passes it on. Pure.

Connections carry the same lines again and again. A line that was checked once is known by its
bytes; only lines with values that change are read anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from graphwarden.router.access import read_bearer
from graphwarden.router.answers import filter_baggage

# RFC 9110, sections 5.1 and 5.5: a token, and visible characters.
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_LONGEST = 512
_KNOWN_LIMIT = 4096


class Kind(IntEnum):
    """What is done with a line."""

    PASS = 0
    DROP = 1
    HOST = 2
    LENGTH = 3
    TRACE = 4
    # What a caller shows who it is by.
    KEY = 6
    # The assistant, named ahead of the body.
    ASSISTANT = 7
    # The general way of a request or an answer knows what to do.
    SPECIAL = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a head. `out` is what is passed on."""

    kind: Kind
    out: bytes
    value: bytes


_SPECIAL = Line(Kind.SPECIAL, b"", b"")
_DROP = Line(Kind.DROP, b"", b"")

_REQUEST_SPECIAL = frozenset(
    {
        b"expect",
        b"idempotency-key",
        b"origin",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-debug-trace",
    }
)
_ANSWER_SPECIAL = frozenset(
    {
        b"proxy-authenticate",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Their values are hardly ever the same twice.
_VOLATILE = frozenset(
    {
        # Secrets are not kept.
        b"authorization",
        b"x-api-key",
        b"traceparent",
        b"tracestate",
        b"baggage",
        b"content-length",
        b"location",
        b"content-location",
        b"date",
        b"x-trace-id",
        b"x-request-id",
    }
)


class Lines:
    """Known lines of one direction."""

    def __init__(self, *, of_answers: bool) -> None:
        self._of_answers = of_answers
        self.known: dict[bytes, Line] = {}

    def read(self, line: bytes) -> Line:
        """A line that is not known yet."""
        found = _LINE.fullmatch(line)
        if found is None or len(line) > _LONGEST:
            return _SPECIAL
        name, value = found[1].lower(), found[2].rstrip(b" \t")
        read = self._read_answer(name, value) if self._of_answers else _read_request(name, value)
        if name not in _VOLATILE:
            if len(self.known) >= _KNOWN_LIMIT:
                self.known.clear()
            self.known[line] = read
        return read

    def _read_answer(self, name: bytes, value: bytes) -> Line:
        if name == b"connection":
            return _DROP if value.lower() == b"keep-alive" else _SPECIAL
        if name == b"keep-alive":
            return _DROP
        if name in _ANSWER_SPECIAL:
            return _SPECIAL
        if name == b"content-length":
            return _read_length(value)
        if name.startswith(b"x-graphwarden-"):
            # A refusal is read by its names.
            return _SPECIAL
        out = b"%b: %b" % (name, value)
        return Line(Kind.TRACE if name == b"x-trace-id" else Kind.PASS, out, value)


def _read_request(name: bytes, value: bytes) -> Line:
    if name in _REQUEST_SPECIAL:
        return _SPECIAL
    if name == b"content-length":
        return _read_length(value)
    if name == b"host":
        return Line(Kind.HOST, b"", value)
    if name == b"traceparent":
        return Line(Kind.TRACE, b"", value)
    if name == b"x-assistant-id":
        return Line(Kind.ASSISTANT, b"x-assistant-id: " + value, value)
    if name == b"x-api-key":
        return Line(Kind.KEY, b"x-api-key: " + value, value)
    if name == b"authorization":
        token = read_bearer(value.decode("latin-1")) or ""
        return Line(Kind.KEY, b"authorization: " + value, token.encode("latin-1"))
    if name == b"connection":
        return _DROP if value.lower() == b"keep-alive" else _SPECIAL
    if name == b"keep-alive" or name.startswith(b"x-graphwarden-"):
        return _DROP
    if name == b"baggage":
        ours = filter_baggage(value.decode("latin-1")).encode("latin-1")
        return Line(Kind.PASS, b"baggage: " + ours, ours) if ours else _DROP
    return Line(Kind.PASS, b"%b: %b" % (name, value), value)


def _read_length(value: bytes) -> Line:
    if not value.isdigit() or len(value) > 18:
        return _SPECIAL
    return Line(Kind.LENGTH, b"content-length: %d" % int(value), value)
