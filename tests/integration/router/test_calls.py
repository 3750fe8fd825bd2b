"""Calls through a real router process to a worker whose every byte is known."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from integration.router.upstream import (
    Received,
    Router,
    always,
    answer,
    listening,
)

pytestmark = pytest.mark.integration
NOT_STARTED = {"x_graphwarden_not_started": "true", "retry_after": "1"}


async def test_body_and_answer_pass_through_byte_for_byte(router: Router) -> None:
    body = json.dumps({"assistant_id": "x", "input": {"ü": "\u0000 é"}}).encode()
    async with listening(always(200, b'{"a":1}', location="/threads/t/runs/r/join")) as worker:
        await router.to(worker.endpoint)
        got = await router.http.post("/runs/wait?a=b", content=body, headers={"x-own": "1"})
    assert (got.status_code, got.content) == (200, b'{"a":1}')
    assert got.headers["location"] == "/threads/t/runs/r/join"
    (seen,) = worker.received
    assert (seen.line, seen.body) == ("POST /runs/wait?a=b HTTP/1.1", body)
    assert seen.headers["x-own"] == "1"


async def test_the_callers_trace_goes_on_and_comes_back(router: Router) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "baggage": "user=7"}
        got = await router.http.post("/runs/wait", json={"assistant_id": "x"}, headers=headers)
    assert got.headers["x-trace-id"] == trace
    (seen,) = worker.received
    assert trace in seen.headers["traceparent"]
    assert "00f067aa0ba902b7" not in seen.headers["traceparent"]
    assert "baggage" not in seen.headers


async def test_events_reach_the_client_while_the_run_goes_on(router: Router) -> None:
    go_on = asyncio.Event()

    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\nevent:1\r\n")
        await go_on.wait()
        writer.write(b"7\r\nevent:2\r\n0\r\n\r\n")

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        body = {"assistant_id": "x"}
        async with router.http.stream("POST", "/runs/stream", json=body) as got:
            pieces = got.aiter_raw()
            assert await anext(pieces) == b"event:1"
            go_on.set()
            assert await anext(pieces) == b"event:2"


async def test_connections_to_a_worker_are_used_again(router: Router) -> None:
    connections = set()

    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        connections.add(writer.get_extra_info("peername"))
        writer.write(answer(200, b"{}"))

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        for _ in range(5):
            assert (await router.run()).is_success
    assert len(connections) == 1


async def test_a_client_that_leaves_is_noticed_by_the_worker(router: Router) -> None:
    left = asyncio.Event()

    async def script(_: Received, reader: asyncio.StreamReader, __: object) -> None:
        assert await reader.read() == b""
        left.set()

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        with pytest.raises(httpx.ReadTimeout):
            await router.http.post("/runs/wait", json={"assistant_id": "x"}, timeout=0.5)
        await asyncio.wait_for(left.wait(), 10)


async def test_a_run_that_may_have_started_is_never_sent_again(router: Router) -> None:
    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(script) as worker, listening(always(200)) as other:
        await router.to(worker.endpoint, other.endpoint)
        answers = [await router.run() for _ in range(4)]
    lost = [got for got in answers if got.status_code == 502]
    assert len(lost) == len(worker.received) > 0
    assert lost[0].json()["reason"] == "UpstreamLost"
    assert lost[0].json()["trace_id"] == lost[0].headers["x-trace-id"]


async def test_a_run_that_did_not_start_is_sent_to_another_worker(router: Router) -> None:
    async with listening(always(503, **NOT_STARTED)) as full, listening(always(200)) as free:
        await router.to(full.endpoint, free.endpoint)
        answers = [await router.run() for _ in range(4)]
    assert [got.status_code for got in answers] == [200] * 4
    assert full.received


async def test_a_worker_that_is_gone_costs_no_call(router: Router) -> None:
    async with listening(always(200)) as gone:
        pass
    async with listening(always(200)) as worker:
        await router.to(gone.endpoint, worker.endpoint)
        answers = [await router.run() for _ in range(4)]
    assert [got.status_code for got in answers] == [200] * 4


async def test_the_workers_own_refusal_reaches_the_client_when_all_refuse(router: Router) -> None:
    refusal = b'{"reason":"GraphNotLoaded"}'
    async with listening(always(503, refusal, **NOT_STARTED)) as worker:
        await router.to(worker.endpoint, max_wait_seconds=0.3)
        got = await router.run()
    assert (got.status_code, got.content) == (503, refusal)
    assert got.headers["retry-after"] == "1"


async def test_an_error_of_the_graph_is_the_workers_answer(router: Router) -> None:
    async with listening(always(503, b"plain")) as worker:
        await router.to(worker.endpoint)
        got = await router.run()
    assert (got.status_code, len(worker.received)) == (503, 1)


async def test_a_thread_call_is_sent_once_to_the_pool_that_owns_its_graph(router: Router) -> None:
    owner_of = {"x_graphwarden_assistant": "y"}
    async with listening(always(421, **owner_of)) as first, listening(always(200)) as owner:
        pools = {
            "a": {"endpoints": [first.endpoint], "has_storage": True},
            "b": {"endpoints": [owner.endpoint], "has_storage": True},
        }
        await router.route(pools, x={"pool": "a"}, y={"pool": "b"})
        got = [await router.http.get("/threads/t-1/state") for _ in range(2)]
    assert [answer.status_code for answer in got] == [200, 200]
    # The second call knows the way.
    assert (len(first.received), len(owner.received)) == (1, 2)


async def test_two_pools_that_send_a_thread_to_each_other_end_in_an_error(router: Router) -> None:
    async with listening(always(421, x_graphwarden_assistant="x")) as worker:
        await router.to(worker.endpoint)
        got = await router.http.get("/threads/t-1/state")
    assert (got.status_code, got.json()["reason"]) == (502, "Misdirected")
    assert len(worker.received) == 2


async def test_a_full_pool_answers_429_at_once_and_says_when_to_come_back(router: Router) -> None:
    go_on = asyncio.Event()

    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(answer(200, b"{}"))

    async with listening(script) as worker:
        await router.to(worker.endpoint, concurrency_per_replica=1, max_queued=1)
        running = [asyncio.create_task(router.run()) for _ in range(2)]
        while await router.gauge("graphwarden_router_queue_depth") < 1:
            await asyncio.sleep(0.02)
        refused = await router.run()
        go_on.set()
        answers = await asyncio.gather(*running)
    assert (refused.status_code, refused.json()["reason"]) == (429, "QueueFull")
    assert refused.headers["retry-after"] == "1"
    assert [got.status_code for got in answers] == [200, 200]


async def test_a_call_waits_for_the_first_worker_of_a_cold_pool(router: Router) -> None:
    await router.to()
    call = asyncio.create_task(router.run())
    while await router.gauge("graphwarden_router_queue_depth") < 1:
        await asyncio.sleep(0.02)
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        assert (await call).status_code == 200


async def test_a_pool_that_stays_cold_is_unavailable(router: Router) -> None:
    await router.to(cold_start_wait_seconds=0.2)
    got = await router.run()
    assert (got.status_code, got.json()["reason"]) == (503, "PoolUnavailable")


async def test_a_full_pool_takes_no_place_of_another(router: Router) -> None:
    async def never(_: Received, reader: asyncio.StreamReader, __: object) -> None:
        await reader.read()

    async with listening(never) as stuck, listening(always(200)) as healthy:
        pools = {
            "a": {"endpoints": [stuck.endpoint], "concurrency_per_replica": 1, "max_queued": 0},
            "b": {"endpoints": [healthy.endpoint]},
        }
        await router.route(pools, x={"pool": "a"}, y={"pool": "b"})
        hanging = asyncio.create_task(router.run())
        while await router.gauge("graphwarden_router_in_flight") < 1:
            await asyncio.sleep(0.02)
        assert (await router.run()).status_code == 429
        for _ in range(20):
            got = await router.http.post("/runs/wait", json={"assistant_id": "y"})
            assert got.status_code == 200
        hanging.cancel()
        while await router.gauge("graphwarden_router_in_flight") > 0:
            await asyncio.sleep(0.02)


async def test_no_call_is_lost_while_the_table_changes(router: Router) -> None:
    async with listening(always(200)) as one, listening(always(200)) as two:
        await router.to(one.endpoint)
        changing = True

        async def call() -> list[int]:
            found = []
            while changing:
                found.append((await router.run()).status_code)
            return found

        callers = [asyncio.create_task(call()) for _ in range(4)]
        for number in range(20):
            await router.to((one, two)[number % 2].endpoint)
        changing = False
        answers = [status for found in await asyncio.gather(*callers) for status in found]
    assert set(answers) == {200}
    assert two.received


async def test_a_browser_may_call_and_see_where_its_run_is(router: Router) -> None:
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        origin = {"origin": "https://studio.example"}
        asked = await router.http.options("/runs/wait", headers=origin)
        body = {"assistant_id": "x"}
        got = await router.http.post("/runs/wait", json=body, headers=origin)
    assert asked.status_code == 204
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert got.headers["access-control-allow-origin"] == "*"
    assert "content-location" in got.headers["access-control-expose-headers"]


async def test_a_graph_that_is_never_to_be_retried_is_sent_once(router: Router) -> None:
    async with listening(always(503, **NOT_STARTED)) as worker:
        await router.route(
            {"p": {"endpoints": [worker.endpoint]}}, x={"pool": "p", "retry": "Never"}
        )
        assert (await router.run()).status_code == 503
    assert len(worker.received) == 1


async def test_a_short_call_with_a_header_is_still_sent_to_another_worker(router: Router) -> None:
    async with listening(always(503, **NOT_STARTED)) as full, listening(always(200)) as free:
        await router.to(full.endpoint, free.endpoint)
        headers = {"x-assistant-id": "x"}
        body = {"assistant_id": "x"}
        answers = [
            await router.http.post("/runs/wait", json=body, headers=headers) for _ in range(4)
        ]
    assert [got.status_code for got in answers] == [200] * 4


async def test_a_refused_run_does_not_lead_its_thread_astray(router: Router) -> None:
    async with listening(always(422)) as plain, listening(always(200)) as stored:
        pools = {
            "a": {"endpoints": [plain.endpoint]},
            "b": {"endpoints": [stored.endpoint], "has_storage": True},
        }
        await router.route(pools, x={"pool": "a"}, y={"pool": "b"})
        refused = await router.http.post("/threads/t-1/runs/wait", json={"assistant_id": "x"})
        found = await router.http.get("/threads/t-1")
    assert (refused.status_code, found.status_code) == (422, 200)


async def test_a_thread_of_a_graph_without_storage_is_made_where_there_is_some(
    router: Router,
) -> None:
    async with listening(always(421)) as plain, listening(always(200)) as stored:
        pools = {
            "a": {"endpoints": [plain.endpoint]},
            "b": {"endpoints": [stored.endpoint], "has_storage": True},
        }
        await router.route(pools, x={"pool": "a"}, y={"pool": "b"})
        got = await router.http.post("/threads", json={"metadata": {"graph_id": "x"}})
    assert got.status_code == 200
    assert plain.received == []


async def test_calls_in_flight_are_finished_after_sigterm(router: Router) -> None:
    go_on = asyncio.Event()

    async def script(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(answer(200, b"[1]"))

    async with listening(script) as worker:
        await router.to(worker.endpoint)
        call = asyncio.create_task(router.run())
        while not worker.received:
            await asyncio.sleep(0.02)
        process = router.process
        assert process is not None
        process.terminate()
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", router.port)
            except ConnectionRefusedError:
                break
            writer.close()
            await asyncio.sleep(0.05)
        assert process.returncode is None
        go_on.set()
        got = await call
        assert (got.status_code, got.content) == (200, b"[1]")
        assert await asyncio.wait_for(process.wait(), 10) == 0
