"""SIGTERM: finish what runs, refuse what comes, hand over what is left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

STEPS = make_row("steps", "build_graph", module="flows.steps", resumable=True)


async def start_slow(worker: WorkerProcess, seconds: str) -> asyncio.Task[httpx.Response]:
    body = {"assistant_id": "slow", "input": {"foo": seconds}}
    running = asyncio.create_task(worker.http.post("/runs/wait", json=body))

    async def started() -> bool:
        return bool((await worker.graphs())["slow"]["in_flight"])

    await until(started)
    return running


async def until_draining(worker: WorkerProcess) -> None:
    async def draining() -> bool:
        return bool((await worker.http.get("/graphs")).json()["draining"])

    await until(draining)


async def test_a_run_in_flight_is_finished_before_the_worker_ends(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("slow")]) as worker:
        running = await start_slow(worker, "1.5")
        ended = asyncio.create_task(worker.terminate())
        assert (await running).json()["foo"] == "slept"
        assert await ended == 0


async def test_a_draining_worker_refuses_new_runs_unstarted(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("slow"), make_row("echo")]) as worker:
        running = await start_slow(worker, "1.5")
        ended = asyncio.create_task(worker.terminate())
        await until_draining(worker)
        refused = await worker.http.post("/runs/wait", json={"assistant_id": "echo"})
        ready = await worker.http.get("/ready")
        await running
        await ended
    assert refused.status_code == 503
    assert refused.headers["x-graphwarden-not-started"] == "true"
    assert refused.json()["reason"] == "Draining"
    assert ready.status_code == 503


async def test_a_worker_with_nothing_to_do_refuses_until_routers_had_time_to_notice(
    tmp_path: Path,
) -> None:
    place = ("--unready-seconds", "1")
    async with running_worker(tmp_path, [make_row("echo")], *place) as worker:
        kept = await worker.http.post("/runs/wait", json={"assistant_id": "echo"})
        ended = asyncio.create_task(worker.terminate())
        await asyncio.sleep(0.5)
        refused = await worker.http.post("/runs/wait", json={"assistant_id": "echo"})
        assert await ended == 0
    assert "connection" not in kept.headers
    assert refused.headers["x-graphwarden-not-started"] == "true"
    # What is kept would end with the worker, and a request on its way be lost.
    assert refused.headers["connection"] == "close"


async def test_a_run_that_takes_longer_than_the_drain_is_stopped(tmp_path: Path) -> None:
    place = ("--drain-seconds", "0.2")
    async with running_worker(tmp_path, [make_row("slow")], *place) as worker:
        running = await start_slow(worker, "300")
        assert await worker.terminate() == 0
        assert (await running).json()["__error__"]["error"] == "WorkerStopped"


async def test_a_durable_run_is_handed_over_at_the_end_of_the_drain(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url, "--drain-seconds", "0.2")
    state = {"effects": str(tmp_path / "effects"), "gate": str(tmp_path / "gate")}
    body: dict[str, Any] = {"assistant_id": "steps", "input": state, "if_not_exists": "create"}
    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as first,
        running_worker(tmp_path / "two", [STEPS], *place) as second,
    ):
        lost = asyncio.create_task(first.http.post("/threads/deal-1/runs/wait", json=body))

        async def waiting() -> bool:
            return (tmp_path / "gate.waiting").exists()

        await until(waiting)
        assert await first.terminate() == 0
        with pytest.raises(httpx.TransportError):
            await lost
        (tmp_path / "gate").touch()
        answer = await second.http.post("/threads/deal-1/runs/wait", json=body)
    assert answer.json()["done"] == ["first", "second", "third"]
    assert (tmp_path / "effects").read_text().split() == ["first", "second", "third"]
