"""A router that was told to stop, and clients that keep their connections."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from integration.router.upstream import Received, Router, always, answer, listening, running_router

pytestmark = pytest.mark.integration

RUN = b'POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: 21\r\n\r\n{"assistant_id": "x"}'
OWN = b"GET /ok HTTP/1.1\r\nhost: a\r\n\r\n"
CLOSE = b"\r\nconnection: close\r\n"


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    async with running_router(tmp_path, "--unready-seconds=0.7") as running:
        yield running
        # Each test has stopped it.
        assert running.process is not None
        await running.process.wait()


class Kept:
    """A connection that stays open between requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @staticmethod
    @asynccontextmanager
    async def open(router: Router, limit: int = 2**16) -> AsyncIterator[Kept]:
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port, limit=limit)
        try:
            yield Kept(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def read(self) -> bytes:
        """An answer's head; its body is read too."""
        async with asyncio.timeout(10):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
            await self._reader.readexactly(int(length))
        return head

    async def is_ended(self) -> bool:
        """Whether nothing but the end comes."""
        async with asyncio.timeout(10):
            return await self._reader.read() == b""


def stop(router: Router) -> None:
    assert router.process is not None
    router.process.send_signal(signal.SIGTERM)


async def test_no_call_on_a_kept_connection_is_lost(router: Router) -> None:
    async def call_until_told(http: httpx.AsyncClient) -> None:
        while True:
            found = await http.post("/runs/wait", json={"assistant_id": "x"})
            assert found.status_code == 200
            if found.headers.get("connection") == "close":
                # There are other routers.
                return
            await asyncio.sleep(0.003)

    async with listening(always(200)) as worker, AsyncExitStack() as stack:
        await router.to(worker.endpoint)
        clients = [httpx.AsyncClient(base_url=router.url) for _ in range(20)]
        for http in clients:
            await stack.enter_async_context(http)
        calls = [asyncio.create_task(call_until_told(http)) for http in clients]
        await asyncio.sleep(0.2)
        assert not any(call.done() for call in calls)
        stop(router)
        await asyncio.gather(*calls)


@pytest.mark.parametrize("request_bytes", [RUN, OWN], ids=["of a worker", "of the router"])
async def test_an_answer_of_a_leaving_router_is_the_last_on_its_connection(
    router: Router, request_bytes: bytes
) -> None:
    async with listening(always(200)) as worker, Kept.open(router) as kept:
        await router.to(worker.endpoint)
        kept.send(request_bytes)
        assert CLOSE not in (await kept.read()).lower()
        stop(router)
        await asyncio.sleep(0.2)
        kept.send(request_bytes)
        assert CLOSE in (await kept.read()).lower()
        assert await kept.is_ended()


def end_well(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(200, b"{}"))


def end_badly(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("end", "status"), [(end_well, b"200"), (end_badly, b"502")], ids=["answered", "lost"]
)
async def test_a_run_that_was_on_its_way_ends_with_its_connection(
    router: Router, end: Callable[[asyncio.StreamWriter], None], status: bytes
) -> None:
    go = asyncio.Event()

    async def late(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        end(writer)

    async with listening(late) as worker, Kept.open(router) as kept:
        await router.to(worker.endpoint)
        kept.send(RUN)
        await asyncio.sleep(0.1)
        stop(router)
        # Nobody can connect any more.
        await asyncio.sleep(1.2)
        go.set()
        head = (await kept.read()).lower()
        assert head.startswith(b"http/1.1 " + status)
        assert CLOSE in head
        assert await kept.is_ended()


async def test_after_a_stream_that_began_before_one_more_call_is_answered(router: Router) -> None:
    go = asyncio.Event()

    async def slowly(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        whole = answer(200, b"12345")
        writer.write(whole[:-1])
        await go.wait()
        writer.write(whole[-1:])

    async with listening(slowly) as worker:
        await router.to(worker.endpoint)
        async with Kept.open(router) as kept:
            kept.send(RUN)
            await asyncio.sleep(0.1)
            stop(router)
            await asyncio.sleep(1.2)
            go.set()
            assert CLOSE not in (await kept.read()).lower()
            await asyncio.sleep(0.2)
            kept.send(RUN)
            assert CLOSE in (await kept.read()).lower()


async def test_a_connection_where_nothing_is_asked_holds_nobody_up(router: Router) -> None:
    async with Kept.open(router) as kept:
        stop(router)
        assert await kept.is_ended()


async def test_line_ends_alone_hold_nobody_up(router: Router) -> None:
    async with Kept.open(router) as kept:
        stop(router)

        async def say_nothing() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    kept.send(b"\r\n")
                    await asyncio.sleep(0.1)

        talking = asyncio.create_task(say_nothing())
        try:
            assert await kept.is_ended()
        finally:
            talking.cancel()


async def test_a_client_that_reads_nothing_holds_nobody_up_for_long(tmp_path: Path) -> None:
    large = b"z" * 20_000_000
    async with (
        running_router(tmp_path, "--unready-seconds=0.1", "--unread-seconds=1") as router,
        listening(always(200, large)) as worker,
        Kept.open(router, limit=1024) as kept,
    ):
        await router.to(worker.endpoint)
        kept.send(RUN)
        while not worker.received:
            await asyncio.sleep(0.01)
        stop(router)
        assert router.process is not None
        # Well before the end of the drain, half an hour later.
        assert await asyncio.wait_for(router.process.wait(), 20) == 0
