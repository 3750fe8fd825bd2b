"""The way of events from a run to its readers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from graphwarden.worker.channel import Channel, is_of_mode, name_mode
from graphwarden.worker.sse import render_event
from graphwarden.worker.storage.fence import StorageBroken


async def test_every_reader_gets_every_event() -> None:
    channel = Channel()
    readers = [channel.join(), channel.join(patient=False)]
    await channel.emit("values", {"foo": 1})
    await channel.emit_end(None)
    await channel.close()
    expected = render_event("values", b'{"foo":1}') + render_event("end", b"null")
    assert [await reader.get() for reader in readers] == [(expected, True), (expected, True)]


async def test_the_first_reader_gets_what_nobody_has_read() -> None:
    channel = Channel(backlog=True)
    await channel.emit("values", 1)
    first = channel.join(patient=False)
    second = channel.join(patient=False)
    await channel.close()
    assert await first.get() == (render_event("values", b"1"), True)
    assert await second.get() == (b"", True)


async def test_a_reader_of_one_mode_gets_that_mode_and_the_end() -> None:
    channel = Channel()
    reader = channel.join(modes=frozenset({"custom"}))
    await channel.emit("values", 1)
    await channel.emit("custom", 2)
    await channel.emit_end({"error": "E", "message": "m"})
    await channel.close()
    text, _ = await reader.get()
    assert [line for line in text.decode().split("\r\n") if line.startswith("event")] == [
        "event: custom",
        "event: error",
        "event: end",
    ]


async def test_a_slow_reader_that_joined_later_is_lost_and_the_run_goes_on() -> None:
    channel = Channel()
    slow = channel.join(patient=False)
    for number in range(1000):
        await channel.emit("values", number)
    await channel.close()
    assert slow.overrun
    assert (await slow.get())[1]


async def test_the_run_waits_for_the_reader_that_started_it() -> None:
    channel = Channel()
    reader = channel.join()

    async def run() -> None:
        for number in range(1000):
            await channel.emit("values", number)

    running = asyncio.create_task(run())
    done, _ = await asyncio.wait({running}, timeout=0.05)
    assert not done
    reader.leave()
    await running


async def test_a_kept_event_is_stored_before_it_is_seen() -> None:
    channel = Channel()
    reader = channel.join()
    stored: list[str] = []
    gate = asyncio.Event()

    async def record(batch: Sequence[tuple[str, bytes]]) -> list[int]:
        await gate.wait()
        stored.extend(event for event, _ in batch)
        return list(range(len(stored) - len(batch) + 1, len(stored) + 1))

    channel.keep(record)
    await channel.emit("values", 1)
    reading = asyncio.create_task(reader.get())
    done, _ = await asyncio.wait({reading}, timeout=0.02)
    assert not done
    gate.set()
    assert (await reading)[0] == render_event("values", b"1", "1")
    await channel.close()


async def test_a_run_ends_when_its_events_cannot_be_stored() -> None:
    channel = Channel()

    async def record(batch: Sequence[tuple[str, bytes]]) -> list[int]:
        raise StorageBroken("no database")

    channel.keep(record)
    await channel.emit("values", 1)
    with pytest.raises(StorageBroken):
        await channel.flush()
    with pytest.raises(StorageBroken):
        await channel.emit("values", 2)
    await channel.close()


@pytest.mark.parametrize(
    ("event", "mode"),
    [
        ("values", "values"),
        ("values|sub:1|deep:2", "values"),
        ("messages/partial", "messages"),
        ("messages", "messages-tuple"),
        ("messages|sub:1", "messages-tuple"),
    ],
)
def test_an_events_name_tells_its_mode(event: str, mode: str) -> None:
    assert name_mode(event) == mode
    assert is_of_mode(render_event(event, b"{}"), frozenset({mode}))
    assert not is_of_mode(render_event(event, b"{}"), frozenset({"debug"}))
