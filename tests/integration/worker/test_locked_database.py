"""Another process keeps SQLite's write lock for longer than the lease: nobody is taken for dead."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from worker_process import make_row, running_worker, until

pytestmark = pytest.mark.integration

STEPS = make_row("steps", "build_graph", module="flows.steps", resumable=True)
LEASE_SECONDS = 3


async def test_workers_that_could_not_show_that_they_live_do_not_cut_each_other_off(
    tmp_path: Path,
) -> None:
    database = tmp_path / "fleet.sqlite"
    gate = tmp_path / "gate"
    place = ("--database-url", f"sqlite+aiosqlite:///{database}")
    place += ("--lease-seconds", str(LEASE_SECONDS))
    body = {
        "assistant_id": "steps",
        "input": {"effects": str(tmp_path / "effects"), "gate": str(gate)},
        "if_not_exists": "create",
    }

    async def in_second_step() -> bool:
        return Path(f"{gate}.waiting").exists()

    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as one,
        running_worker(tmp_path / "two", [STEPS], *place),
    ):
        waiting = asyncio.create_task(one.http.post("/threads/campaign-7-42/runs/wait", json=body))
        await until(in_second_step)
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(LEASE_SECONDS * 2)
            connection.execute("ROLLBACK")
        await asyncio.sleep(1)
        gate.touch()
        answer = await waiting
    logs = [(tmp_path / name / "log").read_text() for name in ("one", "two")]
    assert answer.json()["done"] == ["first", "second", "third"]
    assert not any("cutting it off" in log for log in logs)
