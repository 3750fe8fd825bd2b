"""A batch of runs over two pools, through a real router process."""

from __future__ import annotations

import asyncio
import json

import pytest

from integration.router.upstream import Received, Router, Upstream, always, answer, listening

pytestmark = pytest.mark.integration
BATCH = [{"assistant_id": name, "input": n} for n, name in enumerate("xyyx")]


async def accept(seen: Received, _: object, writer: asyncio.StreamWriter) -> None:
    runs = [{"run_id": run["input"]} for run in json.loads(seen.body)]
    writer.write(answer(200, json.dumps(runs).encode()))


async def route(router: Router, a: Upstream, b: Upstream) -> None:
    pools = {"a": {"endpoints": [a.endpoint]}, "b": {"endpoints": [b.endpoint]}}
    await router.route(pools, x={"pool": "a"}, y={"pool": "b"})


async def test_a_batch_over_two_pools_is_answered_in_its_order(router: Router) -> None:
    async with listening(accept) as a, listening(accept) as b:
        await route(router, a, b)
        got = await router.http.post("/runs/batch", json=BATCH)
    assert got.json() == [{"run_id": n} for n in range(4)]
    assert [len(a.received), len(b.received)] == [1, 1]


async def test_one_bad_element_keeps_the_whole_batch_from_starting(router: Router) -> None:
    async with listening(accept) as a, listening(accept) as b:
        await route(router, a, b)
        got = await router.http.post("/runs/batch", json=[*BATCH, {"assistant_id": "nope"}])
    assert got.status_code == 422
    assert got.json()["detail"].startswith("run 4: ")
    assert a.received + b.received == []


async def test_a_batch_that_one_pool_refused_says_what_was_started(router: Router) -> None:
    async with listening(accept) as a, listening(always(422, b'{"detail": "no"}')) as b:
        await route(router, a, b)
        got = await router.http.post("/runs/batch", json=BATCH)
    assert (got.status_code, got.json()["reason"]) == (502, "PartlyStarted")
    assert "runs 0, 3 were accepted by pool a; runs 1, 2 were not" in got.json()["detail"]
