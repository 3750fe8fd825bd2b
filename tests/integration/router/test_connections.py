"""What a connection may bring: pieces, pauses, haste, and bytes that belong to nobody."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from integration.router.upstream import Received, Router, always, answer, listening

pytestmark = pytest.mark.integration

BODY = b'{"assistant_id": "x"}'
RUN = b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: 21\r\n\r\n" + BODY
OK = b"GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
LARGE = b"z" * 4_000_000


@asynccontextmanager
async def silent_client(router: Router) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """What a client sends with that reads nothing, and has little room for what comes."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", router.port))
        yield partial(loop.sock_sendall, connection)


class CountingWorker:
    """Answers each request with so many bytes, and counts them."""

    def __init__(self, size: int) -> None:
        self.asked = 0
        self._answer = answer(200, b"z" * size)

    async def __call__(self, _: Received, __: object, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        writer.write(self._answer)

    async def is_asked_no_more(self) -> None:
        before = -1
        while before != self.asked:
            before = self.asked
            await asyncio.sleep(0.5)


async def test_answers_do_not_pile_up_for_a_client_that_reads_none(router: Router) -> None:
    script = CountingWorker(100_000)
    async with listening(script) as worker:
        await router.to(worker.endpoint)
        async with silent_client(router) as send:
            await send(RUN * 400)
            await script.is_asked_no_more()
            assert 0 < script.asked < 200


async def test_a_client_that_reads_nothing_leaves_a_connection_that_others_can_use(
    router: Router,
) -> None:
    script = CountingWorker(100_000)
    async with listening(script) as worker, asyncio.timeout(50):
        await router.to(worker.endpoint)
        async with silent_client(router) as send:
            before = -1
            # Each round one more answer that is not read, until no more are asked for.
            while before != script.asked:
                assert (await router.run()).status_code == 200
                before = script.asked
                await send(RUN)
                await asyncio.sleep(0.1)
                await router.settle()


async def test_an_answer_is_whole_for_a_client_that_reads_it_late(router: Router) -> None:
    async with listening(always(200, LARGE)) as worker:
        await router.to(worker.endpoint)
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port, limit=1024)
        writer.write(RUN)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        assert await reader.readexactly(len(LARGE)) == LARGE
        writer.close()


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


async def test_an_answer_that_did_not_wait_for_the_whole_request_is_the_last(
    router: Router,
) -> None:
    request = b"POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 21\r\n\r\n{"
    head = (await router.send(request)).lower()
    assert head.startswith(b"http/1.1 404")
    assert b"\r\nconnection: close\r\n" in head
