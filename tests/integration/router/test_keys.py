"""Calls with an `Idempotency-Key` through the router."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from integration.router.upstream import Received, Router, Upstream, always, listening

pytestmark = pytest.mark.integration


async def call(router: Router, key: str) -> httpx.Response:
    body = {"assistant_id": "x"}
    return await router.http.post("/runs/wait", json=body, headers={"idempotency-key": key})


async def break_off(_: Received, __: object, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def route(router: Router, workers: list[Upstream], **assistant: Any) -> None:
    pool = {"endpoints": [worker.endpoint for worker in workers], "has_storage": True}
    await router.route({"p": pool}, x={"pool": "p", **assistant})


async def test_calls_with_one_key_go_to_one_worker_where_nothing_is_stored(router: Router) -> None:
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(listening(always(200))) for _ in range(3)]
        await route(router, workers)
        for _ in range(6):
            await call(router, "order-7")
        assert sorted(len(worker.received) for worker in workers) == [0, 0, 6]
        for number in range(30):
            await call(router, f"order-{number}")
        assert all(worker.received for worker in workers)


async def test_a_lost_call_with_a_key_is_sent_again_where_the_key_is_stored(
    router: Router,
) -> None:
    async with listening(break_off) as lost, listening(always(200, b'{"a":1}')) as other:
        await route(router, [lost, other], resumable=True)
        answers = [await call(router, f"order-{number}") for number in range(4)]
        assert [got.json() for got in answers] == [{"a": 1}] * 4
        assert lost.received
        assert {seen.headers["idempotency-key"] for seen in lost.received} <= {
            seen.headers["idempotency-key"] for seen in other.received
        }


async def test_a_lost_call_with_a_key_is_lost_where_nothing_is_stored(router: Router) -> None:
    async with listening(break_off) as worker:
        await route(router, [worker])
        assert (await call(router, "order-7")).status_code == 502
        assert len(worker.received) == 1
