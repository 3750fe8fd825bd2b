"""Calls that a worker sends on, through a real router process."""

from __future__ import annotations

import asyncio

import pytest

from integration.router.upstream import Received, Router, always, answer, listening

pytestmark = pytest.mark.integration


async def test_a_call_finds_the_worker_that_holds_the_run_over_the_wrong_pool(
    router: Router,
) -> None:
    async def refuse(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
        named = {"x_graphwarden_assistant": "y", "x_graphwarden_worker": holder.endpoint}
        writer.write(answer(421, b"", **named))

    wrong = always(421, x_graphwarden_assistant="y")
    async with (
        listening(wrong) as first,
        listening(refuse) as pod,
        listening(always(200)) as holder,
    ):
        pools = {
            "a": {"endpoints": [first.endpoint], "has_storage": True},
            "b": {"endpoints": [pod.endpoint], "has_storage": True},
            "c": {"endpoints": [holder.endpoint], "has_storage": True},
        }
        await router.route(pools, x={"pool": "a"}, y={"pool": "b"})
        body = b'{"method": "input.respond",  "params": {}}'
        got = await router.http.post("/threads/t-1/commands", content=body)
    assert got.status_code == 200
    assert [seen.body for seen in first.received + pod.received + holder.received] == [body] * 3


async def test_a_worker_that_is_not_in_the_table_is_never_called(router: Router) -> None:
    async with listening(always(200)) as stranger:
        named = {"x_graphwarden_assistant": "x", "x_graphwarden_worker": stranger.endpoint}
        async with listening(always(421, **named)) as worker:
            await router.to(worker.endpoint)
            got = await router.http.get("/threads/t-1/runs/r/join")
    assert (got.status_code, got.json()["reason"]) == (502, "Misdirected")
    assert stranger.received == []


async def test_what_router_and_worker_say_to_each_other_stays_between_them(router: Router) -> None:
    async with listening(always(200, x_graphwarden_worker="10.0.0.1:1")) as worker:
        await router.to(worker.endpoint)
        forged = {"x-graphwarden-graph": "y", "Last-Event-ID": "7", "Prefer": "wait"}
        got = await router.http.request(
            "DELETE", "/store/items", content=b'{"key": "k"}', headers=forged
        )
    (seen,) = worker.received
    assert "x-graphwarden-worker" not in got.headers
    assert "x-graphwarden-graph" not in seen.headers
    assert (seen.body, seen.headers["last-event-id"]) == (b'{"key": "k"}', "7")
    assert seen.headers["prefer"] == "wait"


async def test_a_cancel_reaches_a_pool_that_is_full(router: Router) -> None:
    go_on = asyncio.Event()

    async def script(seen: Received, __: object, writer: asyncio.StreamWriter) -> None:
        if "cancel" not in seen.line:
            await go_on.wait()
        writer.write(answer(200, b"{}"))

    async with listening(script) as worker:
        await router.to(worker.endpoint, concurrency_per_replica=1)
        run = asyncio.create_task(router.run())
        while not worker.received:
            await asyncio.sleep(0.02)
        got = await router.http.post("/threads/t-1/runs/r/cancel")
        go_on.set()
        assert (got.status_code, (await run).status_code) == (200, 200)
