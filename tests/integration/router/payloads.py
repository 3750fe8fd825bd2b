"""Requests that mean two things or are too large, and what each must be answered with."""

from __future__ import annotations

from dataclasses import dataclass

BODY = b'{"assistant_id": "x"}'
_HOST = b"Host: router\r\n"
_POST = b"POST /runs/wait HTTP/1.1\r\n" + _HOST
_GET = b"GET /threads/a HTTP/1.1\r\n" + _HOST
# What a proxy that is fooled would send on as a request of its own.
HIDDEN = b"GET /threads/hidden HTTP/1.1\r\nHost: router\r\n\r\n"
_CHUNKS = b"15\r\n" + BODY + b"\r\n0\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True)
class Payload:
    """Raw bytes, the rule they break (of RFC 9112 where no other is named), and the answers."""

    name: str
    rule: str
    data: bytes
    statuses: tuple[int, ...] = (400, 501)


def _length(value: bytes, extra: bytes = b"") -> bytes:
    return _POST + b"Content-Length: " + value + b"\r\n" + extra + b"\r\n" + BODY + HIDDEN


PAYLOADS = (
    Payload(
        "length and chunked",
        "6.3",
        _POST + b"Content-Length: 21\r\n" + _CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN,
    ),
    Payload(
        "chunked and length",
        "6.3",
        _POST + _CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN,
    ),
    Payload("two lengths that differ", "6.3", _length(b"21", b"Content-Length: 5\r\n")),
    Payload("two lengths that agree", "6.3", _length(b"21", b"Content-Length: 21\r\n")),
    Payload("a list of lengths", "6.3", _length(b"21, 21")),
    Payload("a length with a sign", "6.3", _length(b"+21")),
    Payload("a negative length", "6.3", _length(b"-1")),
    Payload("a length in hex", "6.3", _length(b"0x15")),
    Payload("a length with a space in it", "6.3", _length(b"2 1")),
    Payload("a length beyond 64 bits", "6.3", _length(b"99999999999999999999"), (400, 413, 501)),
    Payload("a length with a letter", "6.3", _length(b"21a")),
    Payload(
        "an unknown coding",
        "6.1",
        _POST + b"Transfer-Encoding: xchunked\r\n\r\n" + _CHUNKS + HIDDEN,
    ),
    Payload(
        "chunked and identity",
        "6.1",
        _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + _CHUNKS,
    ),
    Payload(
        "two transfer codings",
        "6.1",
        _POST + _CHUNKED + b"Transfer-Encoding: gzip\r\n\r\n" + _CHUNKS,
    ),
    Payload(
        "a tab before chunked", "6.1", _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _CHUNKS
    ),
    Payload("a folded coding", "5.2", _POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + _CHUNKS),
    Payload(
        "chunked in HTTP/1.0", "6.1", _POST.replace(b"1.1", b"1.0") + _CHUNKED + b"\r\n" + _CHUNKS
    ),
    Payload(
        "a space before the colon", "5.1", _POST + b"Transfer-Encoding : chunked\r\n\r\n" + _CHUNKS
    ),
    Payload("a folded header", "5.2", _GET + b"X-A: b\r\n c: d\r\n\r\n"),
    Payload(
        "a header that begins with a space",
        "2.2",
        b"GET /ok HTTP/1.1\r\n X-A: b\r\n" + _HOST + b"\r\n",
    ),
    Payload("bare line feeds", "2.2", _GET.replace(b"\r\n", b"\n") + b"\n"),
    Payload("a bare carriage return", "2.2", _GET + b"X-A: b\rX-B: c\r\n\r\n"),
    Payload("a zero byte in a value", "RFC 9110, 5.5", _GET + b"X-A: b\x00c\r\n\r\n"),
    Payload("a zero byte in a name", "5.1", _GET + b"X\x00A: b\r\n\r\n"),
    Payload("a line without a colon", "5", _GET + b"nonsense\r\n\r\n"),
    Payload("an empty name", "5.1", _GET + b": b\r\n\r\n"),
    Payload(
        "a chunk size in 0x", "7.1", _POST + _CHUNKED + b"\r\n0x15\r\n" + BODY + b"\r\n0\r\n\r\n"
    ),
    Payload(
        "a chunk size with a sign",
        "7.1",
        _POST + _CHUNKED + b"\r\n+15\r\n" + BODY + b"\r\n0\r\n\r\n",
    ),
    Payload(
        "a negative chunk size", "7.1", _POST + _CHUNKED + b"\r\n-15\r\n" + BODY + b"\r\n0\r\n\r\n"
    ),
    Payload(
        "a chunk size beyond 64 bits",
        "7.1",
        _POST + _CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n" + BODY,
        (400, 413),
    ),
    Payload(
        "a chunk longer than its size",
        "7.1",
        _POST + _CHUNKED + b"\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n",
    ),
    Payload(
        "a chunk ended by a bare line feed",
        "7.1",
        _POST + _CHUNKED + b"\r\n15\n" + BODY + b"\r\n0\r\n\r\n",
    ),
    Payload("no Host", "3.2", b"GET /ok HTTP/1.1\r\n\r\n"),
    Payload("two Hosts", "3.2", _GET + b"Host: other\r\n\r\n"),
    Payload(
        "an absolute target", "3.2.2", b"GET http://other/threads/a HTTP/1.1\r\n" + _HOST + b"\r\n"
    ),
    Payload("an authority as target", "3.2.3", b"CONNECT other:443 HTTP/1.1\r\n" + _HOST + b"\r\n"),
    Payload("an asterisk as target", "3.2.4", b"OPTIONS * HTTP/1.1\r\n" + _HOST + b"\r\n"),
    Payload("a space in the target", "3", b"GET /threads/a b HTTP/1.1\r\n" + _HOST + b"\r\n"),
    Payload(
        "a control sign in the target", "3", b"GET /threads/\x01 HTTP/1.1\r\n" + _HOST + b"\r\n"
    ),
    Payload("an unknown method", "RFC 9110, 9", b"BREW /ok HTTP/1.1\r\n" + _HOST + b"\r\n"),
    Payload("no version", "3", b"GET /ok\r\n\r\n"),
    Payload(
        "an unknown version", "2.3", b"GET /ok HTTP/9.9\r\n" + _HOST + b"\r\n", (400, 501, 505)
    ),
    Payload(
        "the preface of HTTP/2",
        "RFC 9113, 3.4",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        (400, 501, 505),
    ),
    Payload(
        "an upgrade", "RFC 9110, 7.8", _GET + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    ),
    Payload(
        "a header of 1 MiB", "RFC 6585, 5", _GET + b"X-A: " + b"a" * 2**20 + b"\r\n\r\n", (400, 431)
    ),
    Payload("10 000 headers", "RFC 6585, 5", _GET + b"X-A: b\r\n" * 10_000 + b"\r\n", (400, 431)),
    Payload(
        "a target of 1 MiB",
        "3",
        b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
        (400, 414, 431),
    ),
    Payload(
        "a body past the limit",
        "RFC 9110, 15.5.14",
        _POST + b"Content-Length: 100001\r\n\r\n",
        (413,),
    ),
    Payload(
        "chunks past the limit",
        "RFC 9110, 15.5.14",
        _POST
        + _CHUNKED
        + b"\r\n"
        + b"2710\r\n"
        + b"a" * 10_000
        + b"\r\n"
        + (b"2710\r\n" + b"a" * 10_000 + b"\r\n") * 10,
        (413,),
    ),
)
