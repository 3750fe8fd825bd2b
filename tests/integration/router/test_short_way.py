"""Runs on the short way: whole requests, workers with a connection at hand, what may happen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.router.upstream import (
    Received,
    Router,
    Upstream,
    always,
    answer,
    listening,
    running_router,
)

pytestmark = pytest.mark.integration
NOT_STARTED = {"x_graphwarden_not_started": "true", "retry_after": "1"}
BODY = b'{"assistant_id": "x"}'
REQUEST = (
    b"POST /runs/wait HTTP/1.1\r\nHost: router\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)

EXPECTANT = REQUEST.replace(b"Host", b"Expect: 100-continue\r\nHost")


@asynccontextmanager
async def warm(router: Router, count: int = 1, **pool: Any) -> AsyncIterator[list[Upstream]]:
    """Workers to each of which the router has a connection."""
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(listening(always(200))) for _ in range(count)]
        await router.to(*(worker.endpoint for worker in workers), **pool)
        for _ in workers:
            assert (await router.run()).status_code == 200
        assert [len(worker.received) for worker in workers] == [1] * count
        for worker in workers:
            worker.received.clear()
        yield workers


async def break_off(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def in_pieces(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
    for piece in (b"HTTP/1.1 200 OK\r\ncontent-", b"length: 10\r\n\r\n12345", b"67890"):
        writer.write(piece)
        await asyncio.sleep(0.05)


async def in_chunks(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\n\r\n")
    await asyncio.sleep(0.05)
    writer.write(b"2\r\n{}\r\n0\r\n\r\n")


async def test_head_and_body_are_the_same_as_on_the_long_way(router: Router) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        "baggage": "user=7,thread_id=deal-1",
        "connection": "keep-alive",
        "x-own": "1",
        "x-graphwarden-graph": "forged",
    }
    body = json.dumps({"assistant_id": "x", "input": {"ü": "\u0000 é"}}).encode()
    async with warm(router) as (worker,):
        worker.script = always(200, b'{"a":1}', location="/l", x_other="2")
        short = await router.http.post("/runs/wait", content=body, headers=headers)
        # A query takes a request out of the short way.
        long = await router.http.post("/runs/wait?a=b", content=body, headers=headers)
    first, second = worker.received
    assert {**dict(short.headers), "x-trace-id": trace} == dict(long.headers)
    assert (short.status_code, short.content) == (200, b'{"a":1}')
    assert (first.line, first.body) == ("POST /runs/wait HTTP/1.1", body)
    spans = [seen.headers.pop("traceparent").split("-") for seen in (first, second)]
    assert first.headers == second.headers
    assert [span[1] for span in spans] == [trace, trace]
    assert spans[0][2] != "00f067aa0ba902b7"
    assert first.headers["baggage"] == "thread_id=deal-1"


@pytest.mark.parametrize(
    ("script", "body"), [(in_pieces, b"1234567890"), (in_chunks, b"\n{}"), (always(500), b"{}")]
)
async def test_an_answer_of_any_shape_comes_through(
    router: Router, script: Any, body: bytes
) -> None:
    async with warm(router) as (worker,):
        worker.script = script
        got = await router.run()
        again = await router.run()
    assert (got.content, again.content) == (body, body)


async def test_a_run_that_may_have_started_is_never_sent_again(router: Router) -> None:
    async with warm(router, 2) as workers:
        for worker in workers:
            worker.script = break_off
        got = await router.run()
        assert (got.status_code, got.json()["reason"]) == (502, "UpstreamLost")
        assert sum(len(worker.received) for worker in workers) == 1


async def test_a_run_that_did_not_start_is_sent_to_another_worker(router: Router) -> None:
    async with warm(router, 2) as (one, two):
        one.script = always(503, **NOT_STARTED)
        answers = [await router.run() for _ in range(4)]
        assert [got.status_code for got in answers] == [200] * 4
        assert one.received
        assert [seen.body for seen in two.received] == [answers[0].request.content] * 4


async def test_a_thread_of_another_pool_is_sent_on(router: Router) -> None:
    async with warm(router) as (worker,), listening(always(200, b'{"y":1}')) as other:
        pool = {"has_storage": True}
        await router.route(
            {"p": {"endpoints": [worker.endpoint], **pool}, "q": {"endpoints": [other.endpoint]}},
            x={"pool": "p"},
            y={"pool": "q"},
        )
        worker.script = always(421, x_graphwarden_assistant="y")
        got = await router.http.post("/threads/deal-1/runs/wait", json={"assistant_id": "x"})
    assert got.json() == {"y": 1}


async def test_a_client_that_leaves_is_noticed_by_the_worker(router: Router) -> None:
    left = asyncio.Event()

    async def script(_: Received, reader: asyncio.StreamReader, __: object) -> None:
        assert await reader.read() == b""
        left.set()

    async with warm(router) as (worker,):
        worker.script = script
        with pytest.raises(httpx.ReadTimeout):
            await router.http.post("/runs/wait", content=BODY, timeout=0.3)
        async with asyncio.timeout(5):
            await left.wait()


async def test_requests_sent_at_once_are_answered_in_order(router: Router) -> None:
    count = 0

    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await asyncio.sleep(0.05)
        writer.write(answer(200, b"%d" % count))

    async with warm(router) as (worker,):
        worker.script = script
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        writer.write(REQUEST)
        await asyncio.sleep(0.02)
        writer.write(REQUEST + b"GET /live HTTP/1.1\r\nHost: r\r\n\r\n" + REQUEST)
        seen = b""
        while seen.count(b"HTTP/1.1 200") < 4 or not seen.endswith(b"3"):
            seen += await asyncio.wait_for(reader.read(65536), 5)
        writer.close()
    bodies = [part.rsplit(b"\r\n\r\n", 1)[-1] for part in seen.split(b"HTTP/1.1 ")[1:]]
    assert [bodies[0], bodies[1], bodies[3]] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("behind", "told"),
    [
        (b"GARBAGE\r\n\r\n", b" 400 "),
        (EXPECTANT, b" 100 Continue"),
    ],
)
async def test_what_comes_behind_a_run_is_answered_behind_it(
    router: Router, behind: bytes, told: bytes
) -> None:
    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(answer(200, b'{"first":1}'))

    async with warm(router) as (worker,):
        worker.script = script
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        writer.write(REQUEST)
        await asyncio.sleep(0.02)
        writer.write(behind)
        found = await asyncio.wait_for(reader.readuntil(told), 10)
        writer.close()
    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.index(b'{"first":1}') < found.index(told)


async def test_nobody_is_told_to_go_on_before_an_earlier_answer(router: Router) -> None:
    async with warm(router):
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        writer.write(REQUEST + EXPECTANT)
        found = await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
        writer.close()
    assert found == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("cuts", [(40, 90), (40, -3), (-10, -3), (-20, -19)])
async def test_a_request_may_come_in_pieces(router: Router, cuts: tuple[int, int]) -> None:
    first, second = cuts
    async with warm(router) as (worker,):
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        for piece in (REQUEST[:first], REQUEST[first:second], REQUEST[second:]):
            writer.write(piece)
            await asyncio.sleep(0.05)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        assert b" 200 " in head
        assert worker.received[0].body == BODY


async def test_the_header_names_the_assistant_whatever_the_body_says(router: Router) -> None:
    async with warm(router) as (worker,):
        named = {"x-assistant-id": "x"}
        got = await router.http.post("/runs/wait", content=b"no JSON", headers=named)
        assert (got.status_code, worker.received[0].body) == (200, b"no JSON")
        assert worker.received[0].headers["x-assistant-id"] == "x"
        other = {"x-assistant-id": "nobody"}
        assert (
            await router.http.post("/runs/wait", content=BODY, headers=other)
        ).status_code == 422


async def test_a_long_body_comes_through_byte_for_byte(router: Router) -> None:
    body = json.dumps({"input": "x" * 90_000, "assistant_id": "x"}).encode()
    async with warm(router) as (worker,):
        assert (await router.http.post("/runs/wait", content=body)).status_code == 200
        assert worker.received[0].body == body


async def test_a_body_that_does_not_come_to_its_end_is_refused(tmp_path: Path) -> None:
    flags = ("--head-timeout-seconds=0.2", "--body-timeout-seconds=0.3")
    async with running_router(tmp_path, *flags) as router, warm(router) as (worker,):
        got = await router.send(REQUEST[:-3])
        assert got.startswith(b"HTTP/1.1 408")
        assert worker.received == []


async def test_a_client_that_leaves_within_its_body_disturbs_nobody(router: Router) -> None:
    async with warm(router) as (worker,):
        _, writer = await asyncio.open_connection("127.0.0.1", router.port)
        writer.write(REQUEST[:-3])
        await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        assert (await router.run()).status_code == 200
        assert len(worker.received) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 5",
        b"Content-Length: +21",
        b"Transfer-Encoding: chunked",
        b"Host: other",
        b"X-A: b\x00",
        b"X-A: b\rc",
        b"X-A : b",
        b" folded",
        b"no colon",
    ],
)
async def test_a_request_of_two_meanings_is_refused_here_too(router: Router, line: bytes) -> None:
    async with warm(router) as (worker,):
        got = await router.send(REQUEST.replace(b"Host: router", b"Host: router\r\n" + line))
        assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
        assert worker.received == []


async def test_calls_in_flight_are_finished_after_sigterm(router: Router) -> None:
    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)
        writer.write(answer(200, b'{"late":1}'))

    async with warm(router) as (worker,):
        worker.script = script
        call = asyncio.create_task(router.run())
        await asyncio.sleep(0.1)
        assert router.process is not None
        router.process.terminate()
        got = await call
        await router.process.wait()
    assert got.json() == {"late": 1}
    assert got.headers["connection"] == "close"


async def test_a_worker_that_loses_call_after_call_is_left_alone_for_a_while(
    router: Router,
) -> None:
    async with warm(router, 2, breaker_failures=2, breaker_open_seconds=60) as (one, two):
        one.script = break_off
        for _ in range(8):
            await router.run()
        assert len(one.received) == 2
        assert len(two.received) == 6
        two.script = break_off
        for _ in range(2):
            await router.run()
        got = await router.run()
        assert (got.status_code, got.json()["reason"]) == (503, "PoolUnavailable")
        assert int(got.headers["retry-after"]) > 30


async def test_a_worker_that_lost_calls_is_tried_again_and_then_trusted(router: Router) -> None:
    async with warm(router, breaker_failures=1, breaker_open_seconds=0.3) as (worker,):
        worker.script = break_off
        assert (await router.run()).status_code == 502
        worker.script = always(200)
        assert (await router.run()).status_code == 503
        await asyncio.sleep(0.4)
        assert [(await router.run()).status_code for _ in range(3)] == [200] * 3


async def test_the_last_worker_of_a_pool_may_go_while_a_call_is_there(router: Router) -> None:
    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        await router.to()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{")
        await asyncio.sleep(0.05)
        writer.write(b"}")

    async with warm(router) as (worker,):
        worker.script = script
        assert (await router.run()).json() == {}


async def holding(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def test_a_call_in_the_queue_waits_for_another_worker_when_its_workers_go(
    router: Router,
) -> None:
    narrow = {"concurrency_per_replica": 1, "max_wait_seconds": 20, "cold_start_wait_seconds": 20}
    async with listening(holding) as gone, listening(always(200)) as fresh:
        await router.to(gone.endpoint, **narrow)
        first = asyncio.create_task(router.run())
        while not gone.received:
            await asyncio.sleep(0.01)
        second = asyncio.create_task(router.run())
        while await router.gauge("graphwarden_router_queue_depth") < 1:
            await asyncio.sleep(0.01)
        await router.to(**narrow)
        await asyncio.sleep(0.5)
        assert not second.done()
        await router.to(fresh.endpoint, **narrow)
        first.cancel()
        assert (await second).status_code == 200
    assert len(fresh.received) == 1


async def test_a_call_that_waited_too_long_says_that_its_connection_ends_and_ends_it(
    router: Router,
) -> None:
    run = b'{"assistant_id": "x"}'
    head = b"POST /runs/wait HTTP/1.1\r\nhost: a\r\ncontent-length: 21\r\n\r\n"
    async with listening(holding) as worker:
        await router.to(worker.endpoint, concurrency_per_replica=1, max_wait_seconds=0.3)
        first = asyncio.create_task(router.run())
        while not worker.received:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        writer.write(head + run)
        await asyncio.sleep(0.1)
        # Comes behind an answer that is the last.
        writer.write(head + run)
        async with asyncio.timeout(10):
            told = await reader.read()
        writer.close()
        first.cancel()
    assert told.count(b"HTTP/1.1 429") == told.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in told
    assert len(worker.received) == 1


async def test_a_call_that_waited_is_logged_with_all_its_time(tmp_path: Path) -> None:
    running = running_router(tmp_path, "--log-format=json")
    async with running as router, listening(in_pieces) as worker:
        await router.to(worker.endpoint, concurrency_per_replica=1)
        await asyncio.gather(router.run(), router.run(), router.run())
    lines = [json.loads(line) for line in (tmp_path / "router.log").read_text().splitlines()]
    took = sorted(line["duration_ms"] for line in lines if line.get("path") == "/runs/wait")
    assert len(took) == 3
    assert took[2] > took[0] * 2
