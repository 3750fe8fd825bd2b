"""What a connection may bring: pieces, pauses, haste, and bytes that belong to nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from integration.router.upstream import Received, Router, always, answer, listening

pytestmark = pytest.mark.integration

BODY = b'{"assistant_id": "x"}'
RUN = b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: 21\r\n\r\n" + BODY
OK = b"GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
LARGE = b"z" * 4_000_000


async def test_a_slow_reader_leaves_a_connection_that_others_can_use(router: Router) -> None:
    async def script(seen: Received, __: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, LARGE if b"large" in seen.body else b"{}"))

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        large = json.dumps({"assistant_id": "x", "input": "large"}).encode()
        writer.write(
            b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(large)
        )
        writer.write(large)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.3)
        assert len(await reader.readexactly(len(LARGE))) == len(LARGE)
        for _ in range(3):
            assert (await router.run()).status_code == 200
        writer.close()


async def test_answers_do_not_pile_up_for_a_client_that_reads_none(router: Router) -> None:
    asked = 0

    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(answer(200, LARGE))

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port, limit=1024)
        writer.write(RUN * 12)
        while not asked:
            await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        assert asked < 6
        writer.transport.abort()
        del reader


async def test_trailers_do_not_become_headers(router: Router) -> None:
    data = (
        b"POST /runs/wait HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        b"transfer-encoding: chunked\r\n\r\n15\r\n" + BODY + b"\r\n0\r\nx-admin: yes\r\n\r\n"
    )
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        assert (await router.send(data)).startswith(b"HTTP/1.1 200")
    (seen,) = worker.received
    assert seen.body == BODY
    assert "x-admin" not in seen.headers


async def test_trailers_without_end_are_refused(router: Router) -> None:
    data = (
        b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n15\r\n"
        + BODY
        + b"\r\n0\r\nx: "
        + b"y" * 400_000
    )
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        assert (await router.send(data)).startswith(b"HTTP/1.1 431")
    assert worker.received == []


async def test_headers_that_speak_of_one_connection_are_not_passed_on(router: Router) -> None:
    data = RUN.replace(b"host: a", b"host: a\r\nconnection: close, x-mine\r\nx-mine: 1\r\nx-all: 2")
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        await router.send(data)
    (seen,) = worker.received
    assert "x-mine" not in seen.headers
    assert seen.headers["x-all"] == "2"


async def test_a_client_still_sending_a_large_body_reads_why_it_is_refused(router: Router) -> None:
    await router.to("127.0.0.1:9")
    reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
    size = 8_000_000
    writer.write(b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size)
    for _ in range(size // 100_000):
        writer.write(b"y" * 100_000)
        await writer.drain()
    assert (await reader.read(12)).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_an_answer_that_ends_with_its_connection_is_whole(router: Router) -> None:
    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end")
        writer.close()

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        got = await router.send(RUN)
    assert got.endswith(b"\r\n\r\nto the end")


async def test_an_answer_cut_short_is_seen_as_cut_short(router: Router) -> None:
    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1\r\n")
        await writer.drain()
        writer.close()

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        got = await router.send(RUN)
    assert got.endswith(b"\r\n2\r\n[1\r\n")
    assert len(worker.received) == 1


async def test_a_reading_call_on_a_connection_that_died_unseen_is_made_again(
    router: Router,
) -> None:
    async def script(seen: Received, __: object, writer: asyncio.StreamWriter) -> None:
        # As a worker that ends while the request is on its way: the first on a kept connection
        # is answered, the second finds nobody.
        if writer in answered:
            writer.close()
            return
        answered.append(writer)
        writer.write(answer(200, b"{}"))

    answered: list[Any] = []
    async with listening(script) as worker:
        await router.to(worker.endpoint)
        statuses = [(await router.http.get("/threads/t-1/state")).status_code for _ in range(3)]
    assert statuses == [200] * 3


async def test_a_run_on_a_connection_that_died_unseen_is_not_made_again(router: Router) -> None:
    async def script(seen: Received, __: object, writer: asyncio.StreamWriter) -> None:
        if writer in answered:
            writer.close()
            return
        answered.append(writer)
        writer.write(answer(200, b"{}"))

    answered: list[Any] = []
    async with listening(script) as worker:
        await router.to(worker.endpoint)
        statuses = [(await router.run()).status_code for _ in range(4)]
    assert statuses == [200, 502, 200, 502]
    assert len(worker.received) == 4


async def test_a_request_in_single_bytes_is_understood(router: Router) -> None:
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        for byte in RUN + OK:
            writer.write(bytes([byte]))
            await writer.drain()
        got = await reader.read()
        writer.close()
    assert got.count(b"HTTP/1.1 200") == 2
    assert worker.received[0].body == BODY
