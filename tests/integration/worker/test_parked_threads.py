"""Threads that sleep on an interrupt and wake by themselves, once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from worker_process import make_row, running_worker, until

pytestmark = pytest.mark.integration

PARK = make_row("park", "build_graph", module="flows.parking", resumable=True)


def make_call(tmp_path: Path, due: float) -> dict[str, Any]:
    state = {"due": due, "effects": str(tmp_path / "effects")}
    return {"assistant_id": "park", "input": state, "if_not_exists": "create"}


def effects(tmp_path: Path) -> list[str]:
    path = tmp_path / "effects"
    return path.read_text().splitlines() if path.exists() else []


async def until_woken(tmp_path: Path, count: int) -> list[str]:
    async def woken() -> Any:
        found = effects(tmp_path)
        return found if len(found) >= count else None

    found: list[str] = await until(woken)
    return found


async def test_a_parked_thread_is_woken_once_when_it_is_due(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", [PARK], *place) as one,
        running_worker(tmp_path / "two", [PARK], *place),
    ):
        due = time.time() + 1
        answer = await one.http.post("/threads/deal-1/runs/wait", json=make_call(tmp_path, due))
        assert answer.json()["__interrupt__"][0]["value"]["wake_at"] == due
        assert (await one.http.get("/threads/deal-1")).json()["status"] == "interrupted"
        await until_woken(tmp_path, 1)
        await asyncio.sleep(1)
        thread = (await one.http.get("/threads/deal-1")).json()
    (line,) = effects(tmp_path)
    assert line.startswith("alarm ")
    assert float(line.split()[1]) >= due
    assert thread["status"] == "idle"


async def test_a_thread_that_was_due_while_nobody_ran_is_woken_at_the_start(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with running_worker(tmp_path / "one", [PARK], *place) as one:
        call = make_call(tmp_path, time.time() + 0.5)
        await one.http.post("/threads/deal-1/runs/wait", json=call)
        await one.kill()
    await asyncio.sleep(0.6)
    async with running_worker(tmp_path / "two", [PARK], *place):
        assert (await until_woken(tmp_path, 1))[0].startswith("alarm ")


async def test_whoever_answers_earlier_takes_the_place_of_the_wake_up(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with running_worker(tmp_path, [PARK], *place) as one:
        call = make_call(tmp_path, time.time() + 1)
        await one.http.post("/threads/deal-1/runs/wait", json=call)
        body = {"assistant_id": "park", "command": {"resume": "early"}}
        await one.http.post("/threads/deal-1/runs/wait", json=body)
        await asyncio.sleep(1.5)
    (line,) = effects(tmp_path)
    assert line.startswith("early ")


async def test_many_threads_that_are_due_at_once_are_woken_within_the_pools_limits(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url, "--concurrency", "3")
    async with running_worker(tmp_path, [PARK], *place) as one:
        due = time.time() + 3
        for number in range(20):
            answer = await one.http.post(
                f"/threads/deal-{number}/runs/wait", json=make_call(tmp_path, due)
            )
            assert "__interrupt__" in answer.json()
        await until_woken(tmp_path, 20)
        await asyncio.sleep(0.5)
    assert len(effects(tmp_path)) == 20


async def test_an_edit_that_answers_the_wait_calls_off_the_wake_up(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with running_worker(tmp_path, [PARK], *place) as one:
        call = make_call(tmp_path, time.time() + 1)
        await one.http.post("/threads/deal-1/runs/wait", json=call)
        body = {"values": {"answer": "edited"}, "as_node": "act"}
        await one.http.post("/threads/deal-1/state", json=body)
        await asyncio.sleep(1.5)
    assert effects(tmp_path) == []
