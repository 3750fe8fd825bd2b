"""Hostile requests: each is refused, its connection ends, and no worker sees anything of it."""

from __future__ import annotations

import asyncio

import pytest

from integration.router.payloads import PAYLOADS, Payload
from integration.router.upstream import Router, always, listening

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_a_hostile_request_is_refused_and_reaches_no_worker(
    router: Router, payload: Payload
) -> None:
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        # The router has a connection at hand: the short way must refuse as well.
        assert (await router.run()).status_code == 200
        worker.received.clear()
        got = await router.send(payload.data)
        assert int(got.split(b" ", 2)[1]) in payload.statuses, got[:300]
        assert worker.received == []
        assert (await router.run()).status_code == 200


async def test_slow_clients_cost_the_others_no_call(router: Router) -> None:
    async with listening(always(200)) as worker:
        await router.to(worker.endpoint)
        slow = [await asyncio.open_connection("127.0.0.1", router.port) for _ in range(200)]
        for number, (_, writer) in enumerate(slow):
            head = b"POST /runs/wait HTTP/1.1\r\nHost: a\r\n"
            writer.write(head if number % 2 else head + b"Content-Length: 50\r\n\r\n{")
        for _ in range(50):
            assert (await router.run()).status_code == 200
        for _, writer in slow:
            writer.close()
            await writer.wait_closed()
