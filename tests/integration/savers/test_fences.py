"""Writes of a run whose thread has changed hands, on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy.engine import make_url

from graphwarden.worker.storage.fence import Fence, FencedOff
from integration.savers.place import Place, make_config, running_under

pytestmark = pytest.mark.integration


async def test_a_run_stores_under_its_own_fence(place: Place) -> None:
    with running_under(await place.own("deal-1", 3)):
        checkpoint_id = await place.put("deal-1", text="mine")
        await place.saver.aput_writes(make_config("deal-1", checkpoint_id), [("text", "y")], "task")
    found = await place.saver.aget_tuple(make_config("deal-1"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"text": ["mine"]}
    assert found.pending_writes == [("task", "text", "y")]


async def test_a_checkpoint_under_an_old_fence_is_refused_and_not_stored(place: Place) -> None:
    fence = await place.own("deal-1")
    await place.take_over(fence)
    with running_under(fence), pytest.raises(FencedOff, match="deal-1"):
        await place.put("deal-1")
    assert await place.read("deal-1") == []


async def test_writes_under_an_old_fence_are_refused_and_not_stored(place: Place) -> None:
    fence = await place.own("deal-1")
    with running_under(fence):
        config = make_config("deal-1", await place.put("deal-1"))
        await place.take_over(fence)
        with pytest.raises(FencedOff):
            await place.saver.aput_writes(config, [("text", "y")], "task")
    found = await place.saver.aget_tuple(config)
    assert found is not None
    assert found.pending_writes == []


async def test_a_write_for_a_thread_that_was_deleted_is_refused(place: Place) -> None:
    with running_under(Fence("deal-1", 1)), pytest.raises(FencedOff):
        await place.put("deal-1")


async def test_a_writer_without_a_fence_is_asked_for_none(place: Place) -> None:
    await place.put("deal-1", text="free")
    assert await place.read("deal-1") == [["free"]]


async def test_the_fence_of_one_thread_says_nothing_about_another(place: Place) -> None:
    fence = await place.own("deal-1")
    await place.take_over(fence)
    with running_under(fence):
        await place.put("deal-2", text="another")
    assert await place.read("deal-2") == [["another"]]


async def test_a_checkpoint_on_its_way_while_the_thread_changes_hands_is_refused(
    place: Place,
) -> None:
    fence = await place.own("deal-1")
    async with changing_hands(place, fence) as commit:
        with running_under(fence):
            late = asyncio.create_task(place.put("deal-1"))
        await asyncio.sleep(0.2)
        assert not late.done()
        commit()
        with pytest.raises(FencedOff):
            await late
    assert await place.read("deal-1") == []


async def test_a_thread_that_was_taken_over_harms_none_of_those_stored_with_it(
    place: Place,
) -> None:
    fences = [await place.own(f"deal-{number}") for number in range(6)]
    await place.take_over(fences[2])

    async def put(fence: Fence) -> None:
        with running_under(fence):
            await place.put(fence.thread_id, text=fence.thread_id)

    ends = await asyncio.gather(*map(put, fences), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [FencedOff]
    assert isinstance(ends[2], FencedOff)
    assert ends[2].thread_id == "deal-2"
    stored = [await place.read(fence.thread_id) for fence in fences]
    assert stored == [[["deal-0"]], [["deal-1"]], [], [["deal-3"]], [["deal-4"]], [["deal-5"]]]


async def test_deleting_and_thinning_out_ask_for_no_fence(place: Place) -> None:
    fence = await place.own("deal-1")
    await place.put("deal-1", text="first")
    await place.put("deal-1", text="second")
    await place.take_over(fence)
    with running_under(fence):
        await place.saver.aprune(["deal-1"])
        left = await place.read("deal-1")
        await place.saver.adelete_thread("deal-1")
    assert left == [["second"]]
    assert await place.read("deal-1") == []


@asynccontextmanager
async def changing_hands(place: Place, fence: Fence) -> AsyncIterator[Callable[[], None]]:
    """A transaction that gives the thread to another, as far as its commit."""
    bump = "UPDATE graphwarden_threads SET fence = fence + 1 WHERE thread_id = 'deal-1'"
    if place.storage.kind == "sqlite":
        path = make_url(place.url).database or ""
        with sqlite3.connect(path, isolation_level=None) as file:
            file.execute("BEGIN IMMEDIATE")
            file.execute(bump)
            yield file.commit
        file.close()
    else:
        with psycopg.connect(place.url) as server:
            server.execute("SELECT pg_advisory_xact_lock(hashtextextended('deal-1', 7))")
            server.execute(bump)
            yield server.commit
