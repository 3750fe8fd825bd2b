"""When batches are sent, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from graphwarden.worker.storage.fence import StorageBroken
from graphwarden.worker.storage.savers.group import GroupWriter
from graphwarden.worker.storage.savers.rows import Rows


class Shelf:
    """Stores in memory. Holds back what is told, and refuses threads with such a name."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def store(self, batch: Sequence[Rows]) -> None:
        names = [rows.thread_id for rows in batch]
        self.batches.append(names)
        for name in names:
            if gate := self.gates.get(name):
                await gate.wait()
        if "away" in names:
            raise StorageBroken("the database is away")
        if "bad" in names:
            raise ValueError("no")


async def write(writer: GroupWriter, *names: str) -> list[BaseException | None]:
    return await asyncio.gather(
        *(writer.store(writer.reserve(name), Rows(name)) for name in names),
        return_exceptions=True,
    )


async def test_writes_of_one_turn_of_the_loop_go_together() -> None:
    shelf = Shelf()
    await write(GroupWriter(shelf.store), "a", "b", "c")
    assert shelf.batches == [["a", "b", "c"]]


async def test_one_that_fails_is_told_and_the_others_are_stored_alone() -> None:
    shelf = Shelf()
    ends = await write(GroupWriter(shelf.store), "a", "bad", "c")
    assert [type(end) for end in ends] == [type(None), ValueError, type(None)]
    assert shelf.batches == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]


async def test_a_database_that_is_away_is_not_asked_for_each_of_them() -> None:
    shelf = Shelf()
    ends = await write(GroupWriter(shelf.store), "a", "away", "c")
    assert [type(end) for end in ends] == [StorageBroken] * 3
    assert shelf.batches == [["a", "away", "c"]]


async def test_what_comes_while_all_turns_are_taken_waits_and_goes_together() -> None:
    shelf = Shelf()
    gate = shelf.gates["a"] = asyncio.Event()
    writer = GroupWriter(shelf.store, at_once=1)
    first = asyncio.create_task(write(writer, "a"))
    await asyncio.sleep(0.01)
    others = asyncio.create_task(write(writer, "b", "c"))
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(first, others)
    assert shelf.batches == [["a"], ["b", "c"]]


async def test_a_batch_that_takes_long_leaves_its_turn_to_others() -> None:
    shelf = Shelf()
    gate = shelf.gates["a"] = asyncio.Event()
    writer = GroupWriter(shelf.store, at_once=1)
    first = asyncio.create_task(write(writer, "a"))
    await asyncio.sleep(0.01)
    await write(writer, "b")
    assert not first.done()
    gate.set()
    await first
    await write(writer, "c")
    assert shelf.batches == [["a"], ["b"], ["c"]]


async def test_a_caller_that_goes_away_before_its_turn_stores_nothing() -> None:
    shelf = Shelf()
    gate = shelf.gates["a"] = asyncio.Event()
    writer = GroupWriter(shelf.store, at_once=1)
    first = asyncio.create_task(write(writer, "a"))
    await asyncio.sleep(0.01)
    gone = asyncio.create_task(writer.store(writer.reserve("b"), Rows("b")))
    await asyncio.sleep(0)
    gone.cancel()
    gate.set()
    await asyncio.gather(first, gone, return_exceptions=True)
    await writer.close()
    assert shelf.batches == [["a"]]


async def test_closing_waits_for_what_is_on_its_way() -> None:
    shelf = Shelf()
    gate = shelf.gates["a"] = asyncio.Event()
    writer = GroupWriter(shelf.store)
    first = asyncio.create_task(write(writer, "a"))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    gate.set()
    await asyncio.gather(first, closing)
