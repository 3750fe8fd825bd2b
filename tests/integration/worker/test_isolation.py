"""One graph does harm; the others of its worker, and the other workers of its pool, go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from worker_process import WorkerProcess, make_row, running_worker, until

_MEGABYTE = 1024 * 1024
_THREAD = "/threads/00000000-0000-4000-8000-000000000001/runs/wait"


def harm(*names: str, **other: Any) -> list[dict[str, Any]]:
    return [make_row(name, module="flows.isolation", **other) for name in names]


async def wait(worker: WorkerProcess, assistant_id: str, **given: Any) -> httpx.Response:
    body = {"assistant_id": assistant_id, "input": given}
    return await worker.http.post("/runs/wait", json=body)


async def ended(worker: WorkerProcess) -> int:
    async with asyncio.timeout(20):
        return await worker.process.wait()


def log_of(worker: WorkerProcess) -> str:
    return (worker.registry.parent / "log").read_text()


async def in_flight(worker: WorkerProcess, assistant_id: str) -> int:
    return int((await worker.graphs())[assistant_id]["in_flight"])


def used(worker: WorkerProcess) -> int:
    pages = Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


async def test_a_graph_that_blocks_the_event_loop_is_named(tmp_path: Path) -> None:
    options = ("--blocked-loop-warn-seconds=0.3",)
    async with running_worker(tmp_path, [*harm("blocking"), make_row("echo")], *options) as worker:
        assert (await wait(worker, "blocking", seconds=1.2)).json()["done"]
        assert (await wait(worker, "echo", foo="x")).json()["foo"] == "xab"

        async def told() -> bool:
            series = (await worker.http.get("/metrics")).text
            return 'event_loop_blocks_total{assistant_id="blocking",capability="tests"} 1' in series

        await until(told)
        line = next(line for line in log_of(worker).splitlines() if "loop is blocked" in line)
    assert '"assistant_id": "blocking"' in line
    assert "flows/isolation.py:" in line


async def test_a_loop_blocked_for_too_long_ends_the_process(tmp_path: Path) -> None:
    options = ("--blocked-loop-warn-seconds=0.2", "--blocked-loop-limit-seconds=0.7")
    async with running_worker(tmp_path, harm("blocking"), *options) as worker:
        with pytest.raises(httpx.TransportError):
            await wait(worker, "blocking", seconds=60)
        assert await ended(worker) == 71
        assert '"assistant_id": "blocking"' in log_of(worker)


async def test_code_that_holds_the_interpreter_ends_the_process_with_its_place(
    tmp_path: Path,
) -> None:
    options = ("--blocked-loop-warn-seconds=0.2", "--blocked-loop-limit-seconds=0.7")
    async with running_worker(tmp_path, harm("seizing"), *options) as worker:
        with pytest.raises(httpx.TransportError):
            await wait(worker, "seizing")
        assert await ended(worker) == 1
        assert "flows/isolation.py" in log_of(worker)


async def test_a_run_on_a_thread_whose_worker_was_blocked_goes_on_elsewhere(
    tmp_path: Path, database_url: str
) -> None:
    rows = harm("blocking", "patient", resumable=True)
    options = ("--database-url", database_url, "--blocked-loop-limit-seconds=0.7")
    async with (
        running_worker(tmp_path / "one", rows, *options) as one,
        running_worker(tmp_path / "two", rows, *options) as two,
    ):
        untouched = asyncio.create_task(wait(two, "patient", seconds=2))
        body = {
            "assistant_id": "blocking",
            "input": {"seconds": 60, "flag": str(tmp_path / "blocked-once")},
            "if_not_exists": "create",
        }
        with pytest.raises(httpx.TransportError):
            await one.http.post(_THREAD, json=body)
        assert await ended(one) == 71
        assert (await two.http.post(_THREAD, json=body)).json()["done"]
        assert (await untouched).json()["done"]


async def test_a_thread_left_behind_by_a_timeout_keeps_its_place(tmp_path: Path) -> None:
    run = {"max_concurrency": 1, "timeout_seconds": 0.2}
    async with running_worker(tmp_path, harm("lingering", run=run)) as worker:
        late = (await wait(worker, "lingering", seconds=1.5)).json()
        assert late["__error__"]["error"] == "RunTimeout"
        refused = await wait(worker, "lingering", seconds=0)
        assert (refused.status_code, refused.json()["reason"]) == (503, "AtCapacity")

        async def free() -> bool:
            return await in_flight(worker, "lingering") == 0

        await until(free)
        assert (await wait(worker, "lingering", seconds=0)).json()["done"]


async def test_a_worker_held_by_threads_left_behind_is_replaced_after_its_runs(
    tmp_path: Path,
) -> None:
    rows = [*harm("lingering", run={"timeout_seconds": 0.2}), *harm("patient")]
    options = ("--concurrency=2", "--lost-threads-limit-seconds=0.5")
    async with running_worker(tmp_path, rows, *options) as worker:
        patient = asyncio.create_task(wait(worker, "patient", seconds=1.5))
        await wait(worker, "lingering", seconds=60)
        assert (await worker.http.get("/ready")).status_code == 503
        assert (await patient).json()["done"]
        assert await ended(worker) == 73


async def test_threads_left_behind_do_not_hold_up_the_end_of_a_worker(tmp_path: Path) -> None:
    rows = harm("lingering", run={"timeout_seconds": 0.2})
    async with running_worker(tmp_path, rows) as worker:
        await wait(worker, "lingering", seconds=60)
        async with asyncio.timeout(15):
            assert await worker.terminate() == 0


@pytest.mark.parametrize("graph", ["hungry", "async_hungry"])
async def test_the_run_that_crosses_the_memory_limit_is_ended_and_the_others_go_on(
    tmp_path: Path, graph: str
) -> None:
    rows = [*harm(graph, "patient"), make_row("echo")]
    async with running_worker(tmp_path / "size", rows) as plain:
        size = used(plain)
    limit = f"--memory-limit-bytes={size + 160 * _MEGABYTE}"
    async with running_worker(tmp_path / "limited", rows, limit) as worker:
        patient = asyncio.create_task(wait(worker, "patient", seconds=4))
        hungry = await wait(worker, graph, megabytes=4000, seconds=20)
        assert hungry.json()["__error__"]["error"] == "MemoryLimit"
        assert (await patient).json()["done"]

        async def echoed() -> bool:
            return (await wait(worker, "echo", foo="x")).status_code == 200

        await until(echoed)


async def test_a_worker_short_of_memory_takes_no_new_runs(tmp_path: Path) -> None:
    rows = [*harm("async_hungry"), make_row("echo")]
    async with running_worker(tmp_path / "size", rows) as plain:
        size = used(plain)
    limit = int((size + 80 * _MEGABYTE) / 0.94)
    async with running_worker(
        tmp_path / "limited", rows, f"--memory-limit-bytes={limit}"
    ) as worker:
        eating = asyncio.create_task(wait(worker, "async_hungry", megabytes=80, seconds=3))

        async def refused() -> str | None:
            answer = await wait(worker, "echo", foo="x")
            if answer.status_code == 200:
                return None
            assert answer.headers["x-graphwarden-not-started"] == "true"
            return str(answer.json()["reason"])

        assert await until(refused) == "MemoryPressure"
        assert (await eating).json()["done"]


async def test_a_process_whose_memory_stays_beyond_the_limit_is_replaced(tmp_path: Path) -> None:
    rows = harm("leaking")
    async with running_worker(tmp_path / "size", rows) as plain:
        size = used(plain)
    limit = f"--memory-limit-bytes={size + 80 * _MEGABYTE}"
    async with running_worker(tmp_path / "limited", rows, limit) as worker:
        answer = (await wait(worker, "leaking", megabytes=4000)).json()
        assert answer["__error__"]["error"] == "MemoryLimit"
        assert await ended(worker) == 72


async def test_a_run_that_takes_too_many_steps_is_an_error_of_its_own(tmp_path: Path) -> None:
    rows = [make_row("looping", run={"recursion_limit": 5}), make_row("echo")]
    async with running_worker(tmp_path, rows) as worker:
        answer = (await wait(worker, "looping")).json()
        assert answer["__error__"]["error"] == "GraphRecursionError"
        assert (await wait(worker, "echo", foo="x")).json()["foo"] == "xab"


@pytest.mark.parametrize("graph", ["forking", "async_forking"])
async def test_a_process_forked_by_a_node_ends_and_the_worker_goes_on(
    tmp_path: Path, graph: str
) -> None:
    async with running_worker(tmp_path, [*harm(graph), make_row("echo")]) as worker:
        assert (await wait(worker, graph)).json()["done"]
        pid = worker.process.pid
        children = Path(f"/proc/{pid}/task").glob("*/children")
        copies = [copy for path in children for copy in path.read_text().split()]
        assert len(copies) == 1

        async def over() -> bool:
            return Path(f"/proc/{copies[0]}/stat").read_text().split()[2] == "Z"

        await until(over)
        assert (await wait(worker, "echo", foo="x")).json()["foo"] == "xab"
