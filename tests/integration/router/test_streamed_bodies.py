"""Long request bodies go on as they come, as soon as it is known where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from integration.router.upstream import Router, answer

pytestmark = pytest.mark.integration
FIRST = {"assistant_id": "x", "input": "y" * 50_000}


@pytest.mark.parametrize("headers", [{}, {"x-assistant-id": "x"}], ids=["body", "header"])
async def test_the_worker_gets_the_beginning_before_the_client_sends_the_end(
    router: Router, headers: dict[str, str]
) -> None:
    body = json.dumps(FIRST).encode()
    begun = asyncio.Event()
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not got.endswith(b"\r\n0\r\n\r\n"):
            got.extend(await reader.read(65536))
            if b"yyy" in got:
                begun.set()
        writer.write(answer(200, b"{}"))
        await writer.drain()
        writer.close()

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:30_000]
        async with asyncio.timeout(10):
            await begun.wait()
        yield body[30_000:]

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await router.to(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        found = await router.http.post("/runs/wait", content=pieces(), headers=headers)
    assert found.status_code == 200
    head, _, _ = bytes(got).partition(b"\r\n\r\n")
    assert head.lower().count(b"x-assistant-id: x") == 1


async def test_a_body_that_names_its_assistant_last_is_gathered_first(router: Router) -> None:
    body = json.dumps(dict(reversed(FIRST.items()))).encode()
    lines: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.extend((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n"))
        await reader.readexactly(len(body))
        writer.write(answer(200, b"{}"))
        await writer.drain()
        writer.close()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7_000):
            yield body[start : start + 7_000]

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await router.to(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        found = await router.http.post("/runs/wait", content=pieces())
    assert found.status_code == 200
    assert b"content-length: %d" % len(body) in lines
