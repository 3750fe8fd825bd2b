"""What a worker loads, why it does not, and how it follows its registry."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from worker_process import (
    WorkerProcess,
    make_row,
    running_worker,
    until,
    write_registry,
)

pytestmark = pytest.mark.integration


async def test_every_row_is_loaded_or_says_why_not(tmp_path: Path) -> None:
    rows = [
        make_row("echo"),
        make_row("uncompiled"),
        make_row("later"),
        {**make_row("precompiled"), "builder_attr": None},
        make_row("unknown", "build_unknown"),
        make_row("nothing"),
        make_row("broken"),
        make_row("unimportable", "build_graph", module="flows.broken"),
        make_row("absent", "build_graph", module="flows.absent"),
        make_row("kept", "build_echo", resumable=True),
    ]
    async with running_worker(tmp_path, rows) as worker:
        graphs = await worker.until_settled()
    assert {name: graph["reason"] for name, graph in graphs.items()} == {
        "echo": None,
        "uncompiled": None,
        "later": None,
        "precompiled": None,
        "unknown": "AttributeMissing",
        "nothing": "NotAGraph",
        "broken": "BuilderFailed",
        "unimportable": "ImportError",
        "absent": "ImportError",
        "kept": "StorageMissing",
    }
    assert "flows/broken.py:3" in graphs["unimportable"]["message"]
    assert "a_module_that_does_not_exist" in graphs["unimportable"]["message"]
    assert "KeyError: 'missing setting'" in graphs["broken"]["message"]


async def test_a_new_row_is_served_and_a_gone_one_is_not(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("echo")]) as worker:
        write_registry(worker.registry, [make_row("toned")])

        async def swapped() -> bool:
            graphs = await worker.graphs()
            return graphs.keys() == {"toned"} and bool(graphs["toned"]["loaded"])

        await until(swapped)
        gone = await run(worker, "echo")
        assert gone.startswith("Invalid assistant: 'echo'")


async def test_a_run_in_flight_outlives_its_row(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("slow"), make_row("echo")]) as worker:
        body = {"assistant_id": "slow", "input": {"foo": "1"}}
        running = asyncio.create_task(worker.http.post("/runs/wait", json=body))

        async def started() -> bool:
            return bool((await worker.graphs())["slow"]["in_flight"])

        await until(started)
        write_registry(worker.registry, [make_row("echo")])

        async def dropped() -> bool:
            return "slow" not in await worker.graphs()

        await until(dropped)
        assert (await running).json()["foo"] == "slept"


async def test_a_changed_context_is_used_by_the_next_run(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("toned", context={"tone": "old"})]) as worker:
        row = make_row("toned", context={"tone": "new"}, generation=2)
        write_registry(worker.registry, [row])

        async def second() -> bool:
            graph = (await worker.graphs())["toned"]
            return bool(graph["generation"] == 2 and graph["loaded"])

        await until(second)
        assert await run(worker, "toned") == "new"


async def test_a_broken_registry_keeps_the_last_good_rows(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("echo")]) as worker:
        worker.registry.write_text("{ not json")

        async def noticed() -> bool:
            return bool((await worker.http.get("/graphs")).json()["registry_problem"])

        await until(noticed)
        assert await run(worker, "echo") == "xab"


async def test_a_graph_that_fails_to_rebuild_keeps_its_last_good_build(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("echo")]) as worker:
        write_registry(worker.registry, [make_row("echo", "build_broken", generation=2)])

        async def failed() -> bool:
            return bool((await worker.graphs())["echo"]["reason"] == "BuilderFailed")

        await until(failed)
        assert await run(worker, "echo") == "xab"


async def test_a_configmap_volume_is_followed_through_its_symlinks(tmp_path: Path) -> None:
    """The kubelet writes a new folder, then swaps the `..data` link to it."""
    volume = tmp_path / "volume"
    for revision, name in (("..1", "echo"), ("..2", "toned")):
        (volume / revision).mkdir(parents=True)
        write_registry(volume / revision / "registry.json", [make_row(name)])
    (volume / "..data").symlink_to("..1")
    (volume / "registry.json").symlink_to("..data/registry.json")
    place = ("--registry", str(volume / "registry.json"))
    async with running_worker(tmp_path / "unused", [], *place) as worker:
        assert (await worker.until_settled()).keys() == {"echo"}
        (volume / "..data_tmp").symlink_to("..2")
        os.rename(volume / "..data_tmp", volume / "..data")

        async def swapped() -> bool:
            return (await worker.graphs()).keys() == {"toned"}

        await until(swapped)


async def test_a_worker_is_ready_when_its_first_graph_is(tmp_path: Path) -> None:
    async with running_worker(tmp_path, [make_row("broken")]) as worker:
        assert (await worker.http.get("/ready")).status_code == 503
        write_registry(worker.registry, [make_row("broken"), make_row("echo")])

        async def ready() -> bool:
            return (await worker.http.get("/ready")).status_code == 200

        await until(ready)


async def run(worker: WorkerProcess, assistant_id: str) -> str:
    body = {"assistant_id": assistant_id, "input": {"foo": "x"}}
    answer = (await worker.http.post("/runs/wait", json=body)).json()
    return str(answer.get("foo") or answer.get("detail"))
