"""Bodies in chunks (RFC 9112, section 7.1): what is made of pieces on their way through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from graphwarden.router.protocol import ClientProtocol


def make_sink(client: ClientProtocol, *, reframe: bool) -> Callable[[bytes], None]:
    """What takes the pieces of an answer: to the client as they are, or each as a chunk."""
    if not reframe:
        return client.write

    def write_chunk(data: bytes) -> None:
        client.writelines(make_chunk(data))

    return write_chunk


def make_chunk(data: bytes) -> list[bytes]:
    """One chunk, in parts."""
    return [b"%x\r\n" % len(data), data, b"\r\n"]


def drop(data: bytes) -> None:
    """An answer that only its head mattered of."""


async def in_chunks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body of unknown length as it is sent to a worker."""
    async for chunk in body:
        yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"
