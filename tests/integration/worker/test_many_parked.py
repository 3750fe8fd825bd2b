"""Hundreds of threads that sleep, and a worker that dies while they wake up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

PARK = make_row("park", "build_graph", module="flows.parking", resumable=True)
MANY = 100


def find_woken(tmp_path: Path) -> Counter[str]:
    """How often each thread went on: each writes a file of its own."""
    return Counter(
        {file.name: len(file.read_text().splitlines()) for file in (tmp_path / "woken").iterdir()}
    )


async def park(worker: WorkerProcess, tmp_path: Path, number: int, due: float) -> None:
    state = {"due": due, "effects": str(tmp_path / "woken" / f"deal-{number}")}
    call = {"assistant_id": "park", "input": state, "if_not_exists": "create"}
    answer = await worker.http.post(f"/threads/deal-{number}/runs/wait", json=call)
    assert "__interrupt__" in answer.json()


@pytest.mark.timeout(120)
async def test_many_parked_threads_wake_once_each_though_their_worker_dies_amid_it(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "woken").mkdir()
    place = ("--database-url", database_url)

    async def some_are_awake(share: int) -> Any:
        return len(find_woken(tmp_path)) >= share

    async with running_worker(tmp_path / "one", [PARK], *place) as one:
        soon, later = time.time() + 6, time.time() + 3600
        for start in range(0, MANY, 8):
            some = range(start, min(start + 8, MANY))
            await asyncio.gather(*(park(one, tmp_path, n, soon if n % 8 else later) for n in some))
        asleep = len(range(0, MANY, 8))
        await until(lambda: some_are_awake((MANY - asleep) // 3))
        await one.kill()
    async with running_worker(tmp_path / "two", [PARK], *place):
        await until(lambda: some_are_awake(MANY - asleep))
        await asyncio.sleep(1)
    woken = find_woken(tmp_path)
    assert set(woken) == {f"deal-{n}" for n in range(MANY) if n % 8}
    # The node writes, and its worker may die before that is stored: then it is done again.
    repeated = [name for name, times in woken.items() if times > 1]
    assert max(woken.values()) <= 2
    assert len(repeated) <= 10
