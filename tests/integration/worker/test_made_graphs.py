"""Every way to make a graph: attributes, factories, entrypoints, files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from worker_process import APP_DIR, WorkerProcess, make_row, running_worker, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FILE = str(APP_DIR / "flows" / "made.py")


def made(name: str, **other: Any) -> dict[str, Any]:
    row = make_row(name, module=f"flows.made:{name}", **other)
    return {**row, "builder_attr": None, "compiled_attr": name}


ROWS = [
    *(
        made(name)
        for name in (
            "uncompiled", "compiled", "by_config", "by_runtime", "by_both", "by_nothing",
            "in_context", "in_async_context", "by_something_else", "failing", "work",
        )
    ),
    {**made("kept"), "module": "flows.made:by_config", "resumable": True},
    {**made("kept_work"), "module": "flows.made:work", "resumable": True},
    {**made("from_file"), "module": FILE, "compiled_attr": "compiled"},
    {**made("from_relative_file"), "module": "./flows/made.py:compiled"},
    {**made("from_no_file"), "module": "./flows/nobody.py"},
    {**made("from_javascript"), "module": "./agent.ts:graph"},
    {**make_row("built_by_config", "by_config"), "module": "flows.made"},
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("worker")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    async with running_worker(folder, ROWS, "--database-url", database) as running:
        yield running


async def run(worker: WorkerProcess, graph: str, **body: Any) -> Any:
    asked = {"assistant_id": graph, "input": {"foo": "x"}, **body}
    return (await worker.http.post("/runs/wait", json=asked)).json()


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ("uncompiled", "x uncompiled"),
        ("compiled", "x compiled"),
        ("by_config", "x untoned"),
        ("by_runtime", "x threads.create_run"),
        ("by_both", "x True True"),
        ("by_nothing", "x nothing"),
        ("in_context", "x context"),
        ("in_async_context", "x async context"),
        ("from_file", "x compiled"),
        ("from_relative_file", "x compiled"),
        ("built_by_config", "x untoned"),
        ("kept", "x untoned"),
    ],
)
async def test_a_graph_runs_however_it_is_made(
    worker: WorkerProcess, graph: str, said: str
) -> None:
    assert (await run(worker, graph))["foo"] == said


async def test_a_factory_is_called_for_every_run(worker: WorkerProcess) -> None:
    config = {"configurable": {"tone": "warm"}}
    assert (await run(worker, "by_config", config=config))["foo"] == "x warm"
    assert (await run(worker, "by_config"))["foo"] == "x untoned"


async def test_a_factorys_graph_is_interrupted_resumed_and_looked_at(
    worker: WorkerProcess,
) -> None:
    place = "/threads/deal-1"
    body = {"assistant_id": "kept", "input": {"foo": "x", "asks": True}, "if_not_exists": "create"}
    asked = (await worker.http.post(f"{place}/runs/wait", json=body)).json()
    state = (await worker.http.get(f"{place}/state")).json()
    resume = {"assistant_id": "kept", "command": {"resume": "!"}}
    answer = (await worker.http.post(f"{place}/runs/wait", json=resume)).json()
    assert asked["__interrupt__"][0]["value"] == "go on?"
    assert state["next"] == ["say"]
    assert answer["foo"] == "x untoned!"


async def test_an_entrypoint_runs(worker: WorkerProcess) -> None:
    assert await run(worker, "work", input=["a", "b"]) == "a b unasked"


async def test_an_entrypoint_is_interrupted_and_resumed(worker: WorkerProcess) -> None:
    place = "/threads/deal-2/runs/wait"
    body = {"assistant_id": "kept_work", "input": ["ask"], "if_not_exists": "create"}
    asked = (await worker.http.post(place, json=body)).json()
    resume = {"assistant_id": "kept_work", "command": {"resume": "yes"}}
    assert asked["__interrupt__"][0]["value"] == "go on?"
    assert (await worker.http.post(place, json=resume)).json() == "ask yes"


@pytest.mark.parametrize("graph", ["work", "by_runtime", "in_context"])
async def test_the_drawing_and_the_schemas_are_there(worker: WorkerProcess, graph: str) -> None:
    for call in ("graph", "schemas"):
        answer = await worker.http.get(f"/assistants/{graph}/{call}")
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("graph", "reason", "words"),
    [
        ("by_something_else", "BuilderFailed", "'database' is neither a RunnableConfig"),
        ("from_no_file", "ImportError", "there is no Python file"),
        ("from_javascript", "ImportError", "JavaScript"),
    ],
)
async def test_what_cannot_be_made_says_why(
    worker: WorkerProcess, graph: str, reason: str, words: str
) -> None:
    line = (await worker.graphs())[graph]
    assert line["reason"] == reason
    assert words in line["message"]


async def test_a_factory_that_fails_fails_its_run_alone(worker: WorkerProcess) -> None:
    answer = await run(worker, "failing")
    assert answer["__error__"] == {"error": "RuntimeError", "message": "no tools today"}
    assert (await worker.graphs())["failing"]["loaded"]


async def test_a_slow_import_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    for number in range(35):
        sleep = "import time; time.sleep(30)\n" if number == 0 else ""
        text = f"{sleep}from flows.plain import build_echo as build_graph\n"
        (tmp_path / f"flow{number}.py").write_text(text)
    rows = [
        make_row(f"g{number}", "build_graph", module=str(tmp_path / f"flow{number}.py"))
        for number in range(35)
    ]
    async with running_worker(tmp_path / "w", rows, settle=False) as worker:

        async def others() -> bool:
            table = await worker.graphs()
            return all(line["loaded"] for name, line in table.items() if name != "g0")

        await until(others)
        assert not (await worker.graphs())["g0"]["loaded"]
        assert (await worker.http.get("/ready")).status_code == 200


async def test_graphs_that_import_the_same_knot_of_modules_never_see_half_of_one(
    tmp_path: Path,
) -> None:
    # It takes its time, and then each of its two ends needs the other.
    pause = "import time; time.sleep(0.2)\n"
    for number in range(6):
        (tmp_path / f"knot_part{number}.py").write_text(pause)
    parts = ", ".join(f"knot_part{number}" for number in range(6))
    ends = {
        "knot_left": f"import {parts}\nfrom knot_right import value\n",
        "knot_right": f"{pause}import knot_left\nvalue = 2\n",
    }
    for name, text in ends.items():
        (tmp_path / f"{name}.py").write_text(text)
        graph = f"from {name} import value\nfrom flows.plain import build_echo as build_graph\n"
        (tmp_path / f"by_{name}.py").write_text(
            f"import sys; sys.path.append({str(tmp_path)!r})\n{graph}"
        )
    rows = [make_row(name, "build_graph", module=str(tmp_path / f"by_{name}.py")) for name in ends]
    async with running_worker(tmp_path / "w", rows) as worker:
        table = await worker.graphs()
    assert {name: line["message"] for name, line in table.items()} == dict.fromkeys(ends)
