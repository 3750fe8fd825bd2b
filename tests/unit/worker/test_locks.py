"""Ownership of threads by bytes of a file, inside one process and between two."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from graphwarden.worker.storage.locks import FileLocks

HOLD = """
import asyncio, sys
from pathlib import Path
from graphwarden.worker.storage.locks import FileLocks
async def hold():
    ownership = await FileLocks(Path(sys.argv[1])).try_acquire("deal-1")
    print("held" if ownership else "taken", flush=True)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks"


async def test_a_thread_has_one_owner(path: Path) -> None:
    locks = FileLocks(path)
    first = await locks.try_acquire("deal-1")
    assert first is not None
    assert await locks.try_acquire("deal-1") is None
    assert await locks.try_acquire("deal-2") is not None
    await first.release()
    assert await locks.try_acquire("deal-1") is not None
    await locks.close()


async def test_owners_follow_in_the_order_they_came(path: Path) -> None:
    locks = FileLocks(path)
    order: list[int] = []

    async def own(number: int) -> None:
        ownership = await locks.acquire("deal-1")
        order.append(number)
        await asyncio.sleep(0)
        await ownership.release()

    await asyncio.gather(*(own(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]
    await locks.close()


async def test_waiting_for_a_thread_can_be_given_up(path: Path) -> None:
    locks = FileLocks(path)
    first = await locks.try_acquire("deal-1")
    assert first is not None
    waiting = asyncio.create_task(locks.acquire("deal-1"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await first.release()
    assert await locks.try_acquire("deal-1") is not None
    await locks.close()


async def test_a_dead_process_owns_nothing(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        locks = FileLocks(path)
        assert await locks.try_acquire("deal-1") is None
        process.kill()
        process.wait()
    assert await locks.try_acquire("deal-1") is not None
    await locks.close()
