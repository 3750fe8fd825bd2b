"""A worker dies by SIGKILL in the middle of a run; the same call goes on where it stopped."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from graphwarden.worker.runs import STALL_LIMIT
from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

STEPS = make_row("steps", "build_graph", module="flows.steps", resumable=True)
THREAD = "campaign-7-42"


def make_call(tmp_path: Path) -> dict[str, Any]:
    state = {"effects": str(tmp_path / "effects"), "gate": str(tmp_path / "gate")}
    return {"assistant_id": "steps", "input": state, "if_not_exists": "create"}


def effects(tmp_path: Path) -> list[str]:
    return (tmp_path / "effects").read_text().split()


def execute(database_url: str, statement: str) -> None:
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.split("///")[1])) as connection, connection:
            connection.execute(statement)
        return
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def call(worker: WorkerProcess, body: dict[str, Any]) -> httpx.Response:
    return await worker.http.post(f"/threads/{THREAD}/runs/wait", json=body)


async def kill_in_second_step(worker: WorkerProcess, tmp_path: Path) -> None:
    """Start the call, wait until its second step is under way, and kill the worker."""
    lost = asyncio.create_task(call(worker, make_call(tmp_path)))
    await until_in_second_step(tmp_path)
    await worker.kill()
    with pytest.raises(httpx.TransportError):
        await lost


async def until_in_second_step(tmp_path: Path) -> None:
    async def waiting() -> bool:
        return (tmp_path / "gate.waiting").exists()

    await until(waiting)


async def test_the_same_call_goes_on_without_repeating_a_finished_step(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with running_worker(tmp_path / "one", [STEPS], *place) as first:
        await kill_in_second_step(first, tmp_path)
    (tmp_path / "gate").touch()
    async with running_worker(tmp_path / "two", [STEPS], *place) as second:
        answer = await call(second, make_call(tmp_path))
        thread = (await second.http.get(f"/threads/{THREAD}")).json()
    assert effects(tmp_path) == ["first", "second", "third"]
    assert answer.json()["done"] == ["first", "second", "third"]
    assert thread["status"] == "idle"


async def test_a_resumed_run_goes_on_and_its_finished_branch_is_not_repeated(
    tmp_path: Path, database_url: str
) -> None:
    fork = make_row("fork", "build_fork", module="flows.steps", resumable=True)
    place = ("--database-url", database_url)
    resume = {"assistant_id": "fork", "command": {"resume": "yes"}}
    async with running_worker(tmp_path / "one", [fork], *place) as first:
        asked = await call(first, {**make_call(tmp_path), "assistant_id": "fork"})
        lost = asyncio.create_task(call(first, resume))
        await until_in_second_step(tmp_path)
        await until_stored(database_url)
        await first.kill()
        await asyncio.wait({lost})
        assert lost.exception() is not None
    (tmp_path / "gate").touch()
    async with running_worker(tmp_path / "two", [fork], *place) as second:
        answer = await call(second, resume)
    assert asked.json()["__interrupt__"][0]["value"] == "go on?"
    assert effects(tmp_path) == ["ask-yes", "first", "second", "third"]
    assert answer.json()["done"] == ["ask-yes", "first", "second", "third"]


async def until_stored(database_url: str) -> None:
    """Until the finished branch's writes are in the database, which happens in the background."""
    statement = "SELECT 1 FROM {} WHERE channel = 'done' AND task_path LIKE '%first%'"

    async def stored() -> bool:
        if database_url.startswith("sqlite"):
            with closing(sqlite3.connect(database_url.split("///")[1])) as connection:
                return connection.execute(statement.format("writes")).fetchone() is not None
        with psycopg.connect(database_url) as connection:
            found = connection.execute(statement.format("checkpoint_writes").encode())
            return found.fetchone() is not None

    await until(stored)


async def test_another_worker_takes_the_thread_over_at_once(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as first,
        running_worker(tmp_path / "two", [STEPS], *place) as second,
    ):
        await kill_in_second_step(first, tmp_path)
        (tmp_path / "gate").touch()
        await call(second, make_call(tmp_path))
    assert effects(tmp_path) == ["first", "second", "third"]


async def test_a_waiting_call_takes_over_when_the_owner_dies(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as first,
        running_worker(tmp_path / "two", [STEPS], *place) as second,
    ):
        lost = asyncio.create_task(call(first, make_call(tmp_path)))
        await until_in_second_step(tmp_path)
        waiting = asyncio.create_task(call(second, make_call(tmp_path)))
        await asyncio.sleep(0.2)
        await first.kill()
        (tmp_path / "gate").touch()
        await waiting
        await asyncio.wait({lost})
        assert lost.exception() is not None
    assert effects(tmp_path) == ["first", "second", "third"]


async def test_a_different_call_comes_after_the_lost_run_is_finished(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with running_worker(tmp_path / "one", [STEPS], *place) as first:
        await kill_in_second_step(first, tmp_path)
    (tmp_path / "gate").touch()
    other = make_call(tmp_path)
    other["input"]["done"] = ["again"]
    async with running_worker(tmp_path / "two", [STEPS], *place) as second:
        answer = await call(second, other)
    assert effects(tmp_path) == ["first", "second", "third"] * 2
    before, after = answer.json()["done"][:4], answer.json()["done"][4:]
    assert before == ["first", "second", "third", "again"]
    assert after == ["first", "second", "third"]


async def test_a_run_that_keeps_killing_its_worker_at_one_step_is_given_up(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    for attempt in range(2):
        async with running_worker(tmp_path / str(attempt), [STEPS], *place) as worker:
            (tmp_path / "gate.waiting").unlink(missing_ok=True)
            await kill_in_second_step(worker, tmp_path)
    # The pauses between all attempts add up to a minute.
    execute(database_url, f"UPDATE graphwarden_runs SET stalls = {STALL_LIMIT - 1}")
    async with running_worker(tmp_path / "last", [STEPS], *place) as worker:
        answer = await call(worker, make_call(tmp_path))
    assert answer.json()["__error__"]["error"] == "WorkerLost"


async def test_a_busy_thread_is_refused_to_a_caller_who_does_not_wait(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as first,
        running_worker(tmp_path / "two", [STEPS], *place) as second,
    ):
        running = asyncio.create_task(call(first, make_call(tmp_path)))
        await until_in_second_step(tmp_path)
        answers = [
            await call(worker, {**make_call(tmp_path), "multitask_strategy": "reject"})
            for worker in (first, second)
        ]
        (tmp_path / "gate").touch()
        await running
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].json()["detail"].startswith("Thread is already running a task.")


async def test_calls_on_one_thread_follow_each_other(tmp_path: Path, database_url: str) -> None:
    place = ("--database-url", database_url)
    (tmp_path / "gate").touch()
    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as first,
        running_worker(tmp_path / "two", [STEPS], *place) as second,
    ):
        await asyncio.gather(
            *(call(worker, make_call(tmp_path)) for worker in (first, second, first, second))
        )
    assert effects(tmp_path) == ["first", "second", "third"] * 4
