"""Many writes at once: order, isolation, and what is read in between. On both databases."""

from __future__ import annotations

import asyncio

import pytest

from integration.savers.place import Place, make_checkpoint, make_config, open_place

pytestmark = pytest.mark.integration

LARGE = "x" * 300_000


async def test_what_was_stored_is_read_at_once(place: Place) -> None:
    async def write_and_read(thread_id: str) -> list[str]:
        seen = []
        for number in range(10):
            await place.put(thread_id, text=f"{thread_id} {number}")
            found = await place.saver.aget_tuple(make_config(thread_id))
            assert found is not None
            seen.append(found.checkpoint["channel_values"]["text"][0])
        return seen

    names = [f"deal-{number}" for number in range(8)]
    seen = await asyncio.gather(*map(write_and_read, names))
    assert seen == [[f"{name} {number}" for number in range(10)] for name in names]


async def test_writes_are_there_before_the_checkpoint_that_they_lead_to(place: Place) -> None:
    first = make_config("deal-1", await place.put("deal-1"))
    # The large one takes longer to get ready than the checkpoint that comes after it.
    writes = asyncio.create_task(place.saver.aput_writes(first, [("text", LARGE)], "task"))
    await asyncio.sleep(0)
    await place.put("deal-1", text="later", parent=first["configurable"]["checkpoint_id"])
    found = await place.saver.aget_tuple(first)
    await writes
    assert found is not None
    assert found.pending_writes == [("task", "text", LARGE)]


async def test_a_write_that_cannot_be_stored_harms_none_of_those_stored_with_it(
    place: Place,
) -> None:
    configs = [make_config(f"deal-{n}", await place.put(f"deal-{n}")) for n in range(4)]
    # Half a character, which neither database takes as text.
    tasks = ["task", "\ud800", "task", "task"]
    ends = await asyncio.gather(
        *(
            place.saver.aput_writes(config, [("text", "y")], task)
            for config, task in zip(configs, tasks, strict=True)
        ),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [type(None), UnicodeEncodeError, *[type(None)] * 2]
    found = [await place.saver.aget_tuple(config) for config in configs]
    assert [len(item.pending_writes or ()) for item in found if item is not None] == [1, 0, 1, 1]


async def test_a_value_that_cannot_be_serialised_stops_none_behind_it(place: Place) -> None:
    config = make_config("deal-1", await place.put("deal-1"))
    ends = await asyncio.gather(
        place.saver.aput_writes(config, [("text", open)], "first"),
        place.saver.aput_writes(config, [("text", "y")], "second"),
        return_exceptions=True,
    )
    assert isinstance(ends[0], Exception)
    assert ends[1] is None


async def test_a_caller_that_goes_away_leaves_the_saver_usable(place: Place) -> None:
    gone = [asyncio.create_task(place.put(f"deal-{number}")) for number in range(8)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    for number in range(8):
        await place.put(f"deal-{number}", text="after")
        assert (await place.read(f"deal-{number}"))[0] == ["after"]


async def test_writes_of_special_channels_take_the_place_of_earlier_ones(place: Place) -> None:
    config = make_config("deal-1", await place.put("deal-1"))
    await asyncio.gather(
        *(place.saver.aput_writes(config, [("__error__", f"e{n}")], "task") for n in range(3)),
        *(place.saver.aput_writes(config, [("text", f"t{n}")], "other") for n in range(3)),
    )
    found = await place.saver.aget_tuple(config)
    assert found is not None
    # The first of ordinary writes stays, the last of special ones.
    expected = [("other", "text", "t0"), ("task", "__error__", "e2")]
    assert sorted(found.pending_writes or ()) == expected


async def test_the_same_checkpoint_twice_at_once_is_stored_once(place: Place) -> None:
    checkpoint = make_checkpoint("twice")
    versions = checkpoint["channel_versions"]
    config = make_config("deal-1")
    await asyncio.gather(
        *(place.saver.aput(config, checkpoint, {"step": step}, versions) for step in range(3))
    )
    found = [item async for item in place.saver.alist(config)]
    assert [item.metadata["step"] for item in found] == [2]


async def test_the_saver_can_be_used_while_a_list_is_gone_through(place: Place) -> None:
    for number in range(3):
        await place.put("deal-1", text=str(number))
    seen = []
    async for item in place.saver.alist(make_config("deal-1")):
        await place.put("deal-2")
        seen.append(await place.saver.aget_tuple(item.config) is not None)
    assert seen == [True, True, True]


async def test_values_that_json_cannot_hold_are_kept(place: Place) -> None:
    checkpoint = make_checkpoint(nul="a\0b", infinite=float("inf"), plain="c", none=None)
    await place.saver.aput(make_config("deal-1"), checkpoint, {}, checkpoint["channel_versions"])
    found = await place.saver.aget_tuple(make_config("deal-1"))
    assert found is not None
    assert found.checkpoint["channel_values"] == checkpoint["channel_values"]


async def test_two_savers_on_one_database_see_each_others_checkpoints(place: Place) -> None:
    async with open_place(place.url) as other:
        await asyncio.gather(
            *(place.put(f"deal-{number}", text="one") for number in range(10)),
            *(other.put(f"deal-{number}", text="two") for number in range(10)),
        )
        for number in range(10):
            mine, theirs = [await p.read(f"deal-{number}") for p in (place, other)]
            assert mine == theirs
            assert sorted(mine) == [["one"], ["two"]]


async def test_what_is_on_its_way_is_stored_before_the_database_is_closed(place: Place) -> None:
    async with open_place(place.url) as other:
        puts = [asyncio.create_task(other.put(f"deal-{n}", text=LARGE)) for n in range(5)]
        await asyncio.sleep(0.01)
        await asyncio.gather(*puts)
    assert [await place.read(f"deal-{n}") for n in range(5)] == [[[LARGE]]] * 5
