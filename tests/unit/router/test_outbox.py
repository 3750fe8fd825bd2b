"""Writes of one turn of the event loop go out together, at its end."""

from __future__ import annotations

import asyncio

from graphwarden.router.outbox import Outbox


class Sender:
    """Notes when it was flushed."""

    def __init__(self, name: str, sent: list[str]) -> None:
        self._name, self._sent = name, sent

    def flush(self) -> None:
        self._sent.append(self._name)


async def test_nothing_is_sent_within_the_turn_and_all_of_it_after() -> None:
    outbox, sent = Outbox(), list[str]()
    outbox.add(Sender("a", sent))
    outbox.add(Sender("b", sent))
    assert sent == []
    await asyncio.sleep(0)
    assert sent == ["a", "b"]


async def test_what_comes_while_others_are_sent_goes_out_in_the_next_turn() -> None:
    outbox, sent = Outbox(), list[str]()

    class Answered(Sender):
        def flush(self) -> None:
            super().flush()
            outbox.add(Sender("next", sent))

    outbox.add(Answered("first", sent))
    await asyncio.sleep(0)
    assert sent == ["first"]
    await asyncio.sleep(0)
    assert sent == ["first", "next"]


async def test_a_sender_is_sent_once_for_each_time_that_it_asks() -> None:
    outbox, sent = Outbox(), list[str]()
    sender = Sender("a", sent)
    outbox.add(sender)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sent == ["a"]
    outbox.add(sender)
    await asyncio.sleep(0)
    assert sent == ["a", "a"]
