"""The fleet's database: several workers start at once, it is away, it breaks."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from worker_process import WorkerProcess, make_row, running_worker, until, write_registry

pytestmark = pytest.mark.integration

KEPT = make_row("kept", "build_echo", resumable=True)
STEPS = make_row("steps", "build_graph", module="flows.steps", resumable=True)


async def run(worker: WorkerProcess, thread_id: str, **body: Any) -> Any:
    body = {"assistant_id": "kept", "input": {"foo": "x"}, "if_not_exists": "create", **body}
    return await worker.http.post(f"/threads/{thread_id}/runs/wait", json=body)


async def test_workers_that_start_at_once_share_one_schema(
    tmp_path: Path, database_url: str
) -> None:
    async with AsyncExitStack() as stack:

        async def start(name: str) -> WorkerProcess:
            place = ("--database-url", database_url)
            return await stack.enter_async_context(running_worker(tmp_path / name, [KEPT], *place))

        workers = await asyncio.gather(*(start(name) for name in ("one", "two", "three")))
        answers = [await run(worker, "deal-1") for worker in workers]
    assert [answer.json()["log"] for answer in answers] == [["a", "b"] * n for n in (1, 2, 3)]


async def test_a_pool_without_its_database_still_serves_what_needs_none(tmp_path: Path) -> None:
    rows = [KEPT, make_row("echo")]
    place = ("--database-url", "postgresql://nobody@127.0.0.1:1/none")
    async with running_worker(tmp_path, rows, *place) as worker:
        graphs = await worker.until_settled()
        answer = await worker.http.post(
            "/runs/wait", json={"assistant_id": "echo", "input": {"foo": "x"}}
        )
        refused = await run(worker, "deal-1")
    assert graphs["kept"]["reason"] == "StorageMissing"
    assert answer.json()["foo"] == "xab"
    assert (refused.status_code, refused.json()["reason"]) == (503, "GraphNotLoaded")


async def test_a_thread_of_another_pools_graph_is_sent_there(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", [KEPT], *place) as first,
        running_worker(tmp_path / "two", [STEPS], *place) as second,
    ):
        await run(first, "deal-1")
        answers = [
            await second.http.get("/threads/deal-1/state"),
            await second.http.post("/threads/deal-1/history", json={}),
            await second.http.post("/threads/deal-1/state", json={"values": {"foo": "z"}}),
        ]
        thread = await second.http.get("/threads/deal-1")
    assert [answer.status_code for answer in answers] == [421, 421, 421]
    assert answers[0].headers["x-graphwarden-assistant"] == "kept"
    assert thread.status_code == 200


@pytest.mark.parametrize("way", ["wait", "stream"])
async def test_a_run_goes_on_when_its_workers_sign_of_life_breaks_off_for_a_moment(
    tmp_path: Path, postgres_url: str, way: str
) -> None:
    state = {"effects": str(tmp_path / "effects"), "gate": str(tmp_path / "gate")}
    body: dict[str, Any] = {"assistant_id": "steps", "input": state, "if_not_exists": "create"}
    place = ("--database-url", postgres_url)
    async with (
        running_worker(tmp_path / "one", [STEPS], *place) as worker,
        running_worker(tmp_path / "two", [STEPS], *place),
    ):
        answer = asyncio.create_task(worker.http.post(f"/threads/deal-1/runs/{way}", json=body))

        async def waiting() -> bool:
            return (tmp_path / "gate.waiting").exists()

        await until(waiting)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
        (tmp_path / "gate").touch()
        assert (await answer).status_code == 200
        values = (await worker.http.get("/threads/deal-1")).json()["values"]
    assert values["done"] == ["first", "second", "third"]
    assert (tmp_path / "effects").read_text().split() == ["first", "second", "third"]


async def test_a_nul_character_in_metadata_can_be_stored(tmp_path: Path, database_url: str) -> None:
    async with running_worker(tmp_path, [KEPT], "--database-url", database_url) as worker:
        body = {"thread_id": "deal-1", "metadata": {"note": "x\0y"}}
        await worker.http.post("/threads", json=body)
        thread = (await worker.http.get("/threads/deal-1")).json()
    assert thread["metadata"] == {"note": "xy"}


async def test_threads_are_found_by_metadata_and_values(tmp_path: Path, database_url: str) -> None:
    async with running_worker(tmp_path, [KEPT], "--database-url", database_url) as worker:
        for number in range(3):
            metadata = {"owner": f"o{number}", "deep": {"a": [number]}, "n": number}
            body = {"thread_id": f"deal-{number}", "metadata": metadata}
            await worker.http.post("/threads", json=body)
        await run(worker, "deal-2")

        async def search(**query: Any) -> list[str]:
            found = await worker.http.post("/threads/search", json=query)
            return [thread["thread_id"] for thread in found.json()]

        assert await search(metadata={"owner": "o1"}) == ["deal-1"]
        assert await search(metadata={"deep": {"a": [1]}}) == ["deal-1"]
        assert await search(metadata={"n": 0, "owner": "o0"}) == ["deal-0"]
        assert await search(values={"foo": "xab"}) == ["deal-2"]
        assert await search(status="idle", limit=2) == ["deal-2", "deal-1"]
        assert await search(ids=["deal-0"]) == ["deal-0"]
        assert await search(metadata={'"; DROP': 1}) == []


async def test_a_row_that_becomes_resumable_is_rebuilt(tmp_path: Path, database_url: str) -> None:
    rows = [make_row("kept", "build_echo")]
    async with running_worker(tmp_path, rows, "--database-url", database_url) as worker:
        assert (await run(worker, "deal-1")).json()["reason"] == "NotResumable"
        write_registry(worker.registry, [KEPT])

        async def rebuilt() -> bool:
            graph = (await worker.graphs())["kept"]
            return bool(graph["resumable"] and graph["loaded"])

        await until(rebuilt)
        assert (await run(worker, "deal-1")).json()["log"] == ["a", "b"]
