from __future__ import annotations

import asyncio

import pytest

from graphwarden.api.table import PoolRoute, RouteTable
from graphwarden.router.errors import RouterError
from graphwarden.router.pools import Pools
from graphwarden.router.table import Table, make_table


def table(**pools: PoolRoute) -> Table:
    return make_table(RouteTable(pools=pools))


def pool(*endpoints: str, **settings: float) -> PoolRoute:
    return PoolRoute.model_validate({"endpoints": list(endpoints), **settings})


async def enter(pools: Pools, name: str = "p") -> None:
    async with pools.place(name):
        await asyncio.sleep(0)


async def test_a_call_queued_for_workers_that_left_waits_for_new_ones() -> None:
    pools = Pools()
    one = {"concurrency_per_replica": 1, "max_wait_seconds": 0.05, "cold_start_wait_seconds": 20}
    pools.swap(table(p=pool("a:1", **one)))
    async with pools.place("p"):
        waiting = asyncio.create_task(enter(pools))
        await asyncio.sleep(0)
        pools.swap(table(p=pool(**one)))
        await asyncio.sleep(0.15)
        assert not waiting.done()
    pools.swap(table(p=pool("b:1", **one)))
    await waiting


async def test_a_pool_that_is_not_in_the_table_is_unavailable() -> None:
    with pytest.raises(RouterError) as error:
        await enter(Pools())
    assert (error.value.status, error.value.reason) == (503, "PoolUnavailable")


async def test_a_pool_that_left_while_it_was_used_is_forgotten_later() -> None:
    pools = Pools()
    pools.swap(table(p=pool("a:1")))
    async with pools.place("p"):
        pools.swap(table())
        assert [name for name, _ in pools.counts()] == ["p"]
    pools.swap(table())
    assert list(pools.counts()) == []


async def test_a_caller_that_gives_up_leaves_no_place_taken() -> None:
    pools = Pools()
    pools.swap(table(p=pool("a:1", concurrency_per_replica=1)))
    async with pools.place("p"):
        waiting = asyncio.create_task(enter(pools))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    ((_, bulkhead),) = pools.counts()
    assert (bulkhead.in_flight, bulkhead.queued) == (0, 0)


@pytest.mark.parametrize(("storage", "found"), [(True, "a"), (False, "b")])
def test_a_thread_goes_where_it_was_seen_if_that_pool_has_storage(
    storage: bool, found: str
) -> None:
    pools = Pools()
    pools.swap(table(a=pool(has_storage=storage), b=pool("b:1", has_storage=True)))
    pools.remember("t-1", "a")
    assert pools.find_pool_of_thread("t-1") == found
    assert pools.find_pool_of_thread("t-2") == "b"
