from __future__ import annotations

import asyncio

import pytest

from graphwarden.router.gate import Gate


async def test_an_open_gate_keeps_nobody() -> None:
    await asyncio.wait_for(Gate().wait(), 1)


async def test_all_who_wait_go_on_when_it_opens() -> None:
    gate = Gate()
    gate.close()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    gate.open()
    await asyncio.gather(*waiting)


async def test_a_waiter_that_gives_up_leaves_the_others_waiting() -> None:
    gate = Gate()
    gate.close()
    one, other = (asyncio.create_task(gate.wait()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    assert not other.done()
    gate.open()
    await other


async def test_a_gate_that_closes_again_at_once_still_holds() -> None:
    gate = Gate()
    gate.close()
    waiting = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)
    gate.open()
    gate.close()
    await asyncio.sleep(0.01)
    assert not waiting.done()
    gate.open()
    await waiting
