"""Crons through a worker's API, and their runs."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph_sdk import get_client

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

ROWS = [
    make_row("echo"),
    make_row("kept", "build_echo", resumable=True),
    make_row("slow", resumable=True),
]
CRON = {"schedule": "*/5 * * * *", "assistant_id": "kept", "input": {"foo": "x"}}


def make_due(database_url: str) -> None:
    """Let every cron have come due, many times over, long ago."""
    due = "2026-01-01 00:00:00+00:00"
    due = due.replace("+00:00", ".000000") if database_url.startswith("sqlite") else due
    execute(database_url, f"UPDATE graphwarden_crons SET next_run_at = '{due}'")


def execute(database_url: str, statement: str) -> None:
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.split("///")[1])) as connection:
            connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def create(worker: WorkerProcess, **changes: Any) -> dict[str, Any]:
    answer = await worker.http.post("/runs/crons", json={**CRON, **changes})
    assert answer.status_code == 200, answer.text
    cron: dict[str, Any] = answer.json()
    return cron


async def until_runs(worker: WorkerProcess, thread: str, count: int) -> list[dict[str, Any]]:
    async def there() -> Any:
        runs = (await worker.http.get(f"/threads/{thread}/runs")).json()
        done = [run for run in runs if run["status"] == "success"]
        return done if len(done) >= count else None

    found: list[dict[str, Any]] = await until(there)
    return found


async def test_a_cron_that_came_due_many_times_runs_once_on_one_of_two_workers(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", ROWS, *place) as one,
        running_worker(tmp_path / "two", ROWS, *place) as two,
    ):
        await one.http.post("/threads", json={"thread_id": "deal-1"})
        body = {**CRON, "metadata": {"m": 1}}
        cron = (await one.http.post("/threads/deal-1/runs/crons", json=body)).json()
        make_due(database_url)
        await until_runs(two, "deal-1", 1)
        await asyncio.sleep(2.5)
        runs = (await two.http.get("/threads/deal-1/runs")).json()
        after = (await two.http.get(f"/runs/crons/{cron['cron_id']}")).json()
    assert len(runs) == 1
    assert after["next_run_date"] > cron["created_at"]


async def test_a_stateless_cron_keeps_its_threads_where_that_is_wished(
    tmp_path: Path, database_url: str
) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        await create(worker, on_run_completed="keep")
        make_due(database_url)

        async def kept() -> Any:
            found = (await worker.http.post("/threads/search", json={"status": "idle"})).json()
            return [thread for thread in found if thread["values"]]

        (thread,) = await until(kept)
    assert thread["values"]["log"] == ["a", "b"]


async def test_a_cron_that_is_disabled_or_deleted_runs_no_more(
    tmp_path: Path, database_url: str
) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        await worker.http.post("/threads", json={"thread_id": "deal-1"})
        crons = [
            (await worker.http.post("/threads/deal-1/runs/crons", json=CRON)).json()["cron_id"]
            for _ in range(2)
        ]
        changed = await worker.http.patch(f"/runs/crons/{crons[0]}", json={"enabled": False})
        removed = [
            (await worker.http.delete(f"/runs/crons/{crons[1]}")).status_code for _ in range(2)
        ]
        make_due(database_url)
        await asyncio.sleep(2)
        runs = (await worker.http.get("/threads/deal-1/runs")).json()
    assert (changed.json()["enabled"], changed.json()["next_run_date"]) == (False, None)
    assert removed == [204, 404]
    assert runs == []


@pytest.mark.parametrize(
    "breaking",
    [
        "assistant_id = '7d3a4f0e-0000-4000-8000-000000000000'",
        "schedule = 'bad'",
        "timezone = 'Mars/Olympus'",
        "thread_id = 'gone-1'",
        "payload = '[]'",
    ],
)
async def test_a_cron_that_cannot_run_keeps_no_other_from_it(
    tmp_path: Path, database_url: str, breaking: str
) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        await worker.http.post("/threads", json={"thread_id": "deal-1"})
        path = "/threads/deal-1/runs/crons"
        broken = (await worker.http.post(path, json=CRON)).json()["cron_id"]
        execute(database_url, f"UPDATE graphwarden_crons SET {breaking}")
        await worker.http.post(path, json=CRON)
        make_due(database_url)
        await until_runs(worker, "deal-1", 1)

        async def dealt_with() -> bool:
            cron = (await worker.http.get(f"/runs/crons/{broken}")).json()
            due = cron["next_run_date"]
            return due is None or due > cron["created_at"]

        await until(dealt_with)
        metrics = (await worker.http.get("/metrics")).text
        gone = await worker.http.get("/threads/gone-1")
    outcomes = [
        line for line in metrics.splitlines() if line.startswith("graphwarden_crons_due_total")
    ]
    assert len(outcomes) == 2
    assert gone.status_code == 404


async def test_a_cron_that_says_reject_leaves_out_a_busy_thread(
    tmp_path: Path, database_url: str
) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        await worker.http.post("/threads", json={"thread_id": "deal-1"})
        cron = {**CRON, "assistant_id": "slow", "multitask_strategy": "reject"}
        await worker.http.post("/threads/deal-1/runs/crons", json=cron)
        run = {"assistant_id": "slow", "input": {"foo": "5"}}
        await worker.http.post("/threads/deal-1/runs", json=run)
        make_due(database_url)

        async def skipped() -> bool:
            return 'outcome="skipped"' in (await worker.http.get("/metrics")).text

        await until(skipped)
        runs = (await worker.http.get("/threads/deal-1/runs")).json()
    assert [run["kwargs"]["input"] for run in runs] == [{"foo": "5"}]


async def test_a_cron_is_due_no_more_past_its_end(tmp_path: Path, database_url: str) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        await worker.http.post("/threads", json={"thread_id": "deal-1"})
        path = "/threads/deal-1/runs/crons"
        cron = (await worker.http.post(path, json={**CRON, "end_time": "2030-01-01"})).json()
        place = f"/runs/crons/{cron['cron_id']}"
        past = await worker.http.patch(place, json={"end_time": "2026-01-02"})
        make_due(database_url)
        await until_runs(worker, "deal-1", 1)
        last = (await worker.http.get(place)).json()
    assert cron["next_run_date"] is not None
    assert (past.json()["next_run_date"], last["next_run_date"]) == (None, None)


async def test_crons_are_found_by_assistant_and_metadata(tmp_path: Path, database_url: str) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        wanted = await create(worker, metadata={"team": "sales", "tags": ["a"]})
        await create(worker, metadata={"team": "other"})
        await create(worker, assistant_id="echo")
        by_metadata, by_name = [
            (await worker.http.post("/runs/crons/search", json=filters)).json()
            for filters in ({"metadata": {"team": "sales"}}, {"assistant_id": "kept"})
        ]
        counted = await worker.http.post("/runs/crons/count", json={"assistant_id": "echo"})
    assert by_metadata == [wanted]
    assert len(by_name) == 2
    assert counted.json() == 1


async def test_a_cron_is_answered_as_the_clients_know_it(tmp_path: Path, database_url: str) -> None:
    async with running_worker(tmp_path, ROWS, "--database-url", database_url) as worker:
        cron = await create(worker, timezone="Europe/Paris", end_time="2030-01-01T00:00:00Z")
        read = (await worker.http.get(f"/runs/crons/{cron['cron_id']}")).json()
        counted = await worker.http.post("/runs/crons/count", json={})
        found = await worker.http.post("/runs/crons/search", json={"limit": 1})
    assert read == cron
    assert counted.json() == 1
    assert (found.json(), found.headers["x-pagination-total"]) == ([cron], "1")
    assert cron["payload"]["config"] == {"configurable": {"cron_id": cron["cron_id"]}}
    assert set(cron) == {
        "cron_id", "assistant_id", "thread_id", "user_id", "end_time", "schedule", "timezone",
        "payload", "next_run_date", "metadata", "on_run_completed", "enabled", "created_at",
        "updated_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "bad"}, "Invalid cron schedule: 'bad'"),
        ({"schedule": None}, "`schedule`"),
        ({"timezone": "Mars/Olympus"}, "Invalid timezone"),
        ({"end_time": "soon"}, "`end_time`"),
        ({"enabled": "yes"}, "`enabled`"),
        ({"assistant_id": "nobody"}, "Invalid assistant"),
        ({"on_run_completed": "cry"}, "`on_run_completed`"),
        ({"metadata": "x"}, "`metadata`"),
        ({"config": {"configurable": "x"}}, "`configurable`"),
        ({"webhook": "http://127.0.0.1/"}, "Webhook host blocked: loopback IP range"),
    ],
)
async def test_what_is_no_cron_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path / 'fleet.sqlite'}"
    async with running_worker(tmp_path, ROWS, "--database-url", database) as worker:
        answer = await worker.http.post("/runs/crons", json={**CRON, **changes})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_the_sdk_handles_crons(tmp_path: Path, database_url: str) -> None:
    async with (
        running_worker(tmp_path, ROWS, "--database-url", database_url) as worker,
        get_client(url=worker.url) as client,
    ):
        thread = await client.threads.create()
        made = await client.crons.create("kept", schedule="0 9 * * *", input={"foo": "x"})
        await client.crons.create_for_thread(thread["thread_id"], "kept", schedule="0 9 * * *")
        changed = await client.crons.update(made["cron_id"], schedule="0 10 * * *")
        found = await client.crons.search(thread_id=thread["thread_id"])
        await client.crons.delete(made["cron_id"])
        left = await client.crons.count()
    assert changed["schedule"] == "0 10 * * *"
    assert len(found) == 1
    assert left == 1
