"""Bodies of answers: read up to a limit, unpacked up to a limit, and turned into text."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterable

from w3lib.encoding import html_body_declared_encoding, html_to_unicode, http_content_type_encoding

from graphs.sales.web.failures import FetchFailed

ENCODINGS = "gzip, deflate"
_GZIP = b"\x1f\x8b"
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


async def read_body(chunks: AsyncIterable[bytes], packing: str, most_bytes: int) -> bytes:
    """The unpacked body. No more than the limit is ever held, however small a bomb came in.

    Raises:
        FetchFailed: `TooLarge`, or `BadAnswer` for a packing that was not asked for or is broken.
    """
    layers = [each.strip().lower() for each in packing.split(",") if each.strip()]
    layers = [each for each in layers if each != "identity"]
    if len(layers) > 1 or not _PACKED.issuperset(layers):
        raise FetchFailed("BadAnswer", f"The answer is packed as {packing[:40]!r}.")
    body = bytearray()
    unpacker = Unpacker() if layers else None
    async for chunk in chunks:
        room = most_bytes - len(body)
        body += unpacker.feed(chunk, room + 1) if unpacker else chunk
        if len(body) > most_bytes:
            raise FetchFailed("TooLarge", f"The page has over {most_bytes:,} bytes.")
    return bytes(body)


class Unpacker:
    """gzip (of several members too), zlib, or the bare deflate that some servers mean by it."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=47)
        self._has_begun = False

    def feed(self, data: bytes, most: int) -> bytes:
        """At most `most` bytes of what `data` unpacks to; who gets them all is at the limit."""
        out = b""
        while data and len(out) < most:
            try:
                out += self._stream.decompress(data, most - len(out))
            except zlib.error:
                if self._has_begun:
                    raise FetchFailed("BadAnswer", "The answer's packing is broken.") from None
                self._stream = zlib.decompressobj(wbits=-15)
                self._has_begun = True
                continue
            self._has_begun = True
            if not self._stream.eof:
                break
            data = self._stream.unused_data
            if not data.startswith(_GZIP):
                # Some servers pad; browsers read past it.
                break
            self._stream = zlib.decompressobj(wbits=47)
        return out


def decode(body: bytes, content_type: str) -> str:
    """The text. What is UTF-8 by its bytes is read so, whatever the server says of it.

    A server that names another encoding is believed next, then the page itself, then
    windows-1252, in which every byte is a letter.
    """
    try:
        if not body.isascii() and not body.startswith((b"\xfe\xff", b"\xff\xfe")):
            return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    said = http_content_type_encoding(content_type) or html_body_declared_encoding(body)
    if said in (None, "utf-8") and not body.isascii():
        content_type = re.sub(r"(?i);\s*charset=[^;]*", "", content_type)
        if said == "utf-8":
            return body.decode("cp1252", errors="replace")
    return html_to_unicode(content_type, body, default_encoding="cp1252")[1]
