"""Runs that nobody waits for, and looking at them from any worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

ROWS = [
    make_row("echo"),
    make_row("kept", "build_echo", resumable=True),
    make_row("steps", "build_graph", module="flows.steps", resumable=True),
    make_row("kept_failing", "build_failing", resumable=True),
]
INPUT = {"foo": "x"}


class Pair:
    """Two workers on one database, and a graph that waits for a file."""

    def __init__(self, one: WorkerProcess, two: WorkerProcess, folder: Path) -> None:
        self.one, self.two, self.folder = one, two, folder

    def steps(self, name: str) -> dict[str, Any]:
        state = {"effects": str(self.folder / f"{name}.effects"), "gate": str(self.gate(name))}
        return {"assistant_id": "steps", "input": state, "if_not_exists": "create"}

    def gate(self, name: str) -> Path:
        return self.folder / f"{name}.gate"

    def effects(self, name: str) -> list[str]:
        return (self.folder / f"{name}.effects").read_text().split()

    async def until_in_second_step(self, name: str) -> None:
        async def waiting() -> bool:
            return Path(f"{self.gate(name)}.waiting").exists()

        await until(waiting)

    async def find_holder(self, thread: str, run: str) -> tuple[WorkerProcess, WorkerProcess]:
        """The worker that runs it, and the other one."""
        for here, there in ((self.one, self.two), (self.two, self.one)):
            answer = await there.http.get(f"/threads/{thread}/runs/{run}/stream")
            if answer.status_code == 421:
                return here, there
        raise AssertionError("neither worker holds the run")


@pytest_asyncio.fixture
async def pair(tmp_path: Path, database_url: str) -> AsyncIterator[Pair]:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", ROWS, *place) as one,
        running_worker(tmp_path / "two", ROWS, *place) as two,
    ):
        yield Pair(one, two, tmp_path)


async def create(worker: WorkerProcess, thread: str, **body: Any) -> dict[str, Any]:
    body = {"assistant_id": "kept", "input": INPUT, "if_not_exists": "create", **body}
    answer = await worker.http.post(f"/threads/{thread}/runs", json=body)
    assert answer.status_code == 200, answer.text
    run: dict[str, Any] = answer.json()
    assert answer.headers["content-location"] == f"/threads/{thread}/runs/{run['run_id']}"
    return run


async def until_status(worker: WorkerProcess, run: dict[str, Any], status: str) -> dict[str, Any]:
    async def reached() -> Any:
        place = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
        found = (await worker.http.get(place)).json()
        return found if found.get("status") == status else None

    found: dict[str, Any] = await until(reached)
    return found


async def test_a_run_in_the_background_is_run_and_its_result_can_be_joined_anywhere(
    pair: Pair,
) -> None:
    run = await create(pair.one, "deal-1")
    place = f"/threads/deal-1/runs/{run['run_id']}"
    joined = [await worker.http.get(f"{place}/join") for worker in (pair.one, pair.two)]
    assert run["status"] == "pending"
    assert [answer.json()["log"] for answer in joined] == [["a", "b"], ["a", "b"]]
    assert (await pair.two.http.get(place)).json()["status"] == "success"


async def test_a_graph_that_keeps_nothing_runs_in_the_background_too(pair: Pair) -> None:
    answer = await pair.one.http.post("/runs", json={"assistant_id": "echo", "input": INPUT})
    run = answer.json()
    place = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
    joined = await pair.two.http.get(f"{place}/join")
    assert joined.json() == {"foo": "xab", "log": ["a", "b"]}


async def test_a_failed_run_tells_its_error_to_who_joins_it(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", assistant_id="kept_failing")
    joined = await pair.two.http.get(f"/threads/deal-1/runs/{run['run_id']}/join")
    assert joined.json() == {"__error__": {"error": "ValueError", "message": "kaboom"}}


async def test_a_run_waits_for_as_long_as_it_was_asked_to(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", after_seconds=1.5)
    await asyncio.sleep(0.5)
    waiting = (await pair.one.http.get(f"/threads/deal-1/runs/{run['run_id']}")).json()
    assert waiting["status"] == "pending"
    await until_status(pair.one, run, "success")


async def test_another_run_does_not_wait_behind_one_that_is_to_start_later(pair: Pair) -> None:
    await create(pair.one, "deal-1", after_seconds=60)
    answer = await pair.one.http.post(
        "/threads/deal-1/runs/wait", json={"assistant_id": "kept", "input": INPUT}
    )
    assert answer.json()["log"] == ["a", "b"]


async def test_a_batch_is_answered_in_its_own_order(pair: Pair) -> None:
    names = ["kept", "echo", "kept"]
    body = [{"assistant_id": name, "input": INPUT} for name in names]
    answer = await pair.one.http.post("/runs/batch", json=body)
    assert [run["metadata"]["graph_id"] for run in answer.json()] == names


async def test_a_batch_with_a_mistake_starts_nothing_and_names_the_run(pair: Pair) -> None:
    body = [{"assistant_id": "kept", "input": INPUT}, {"assistant_id": "nobody"}]
    answer = await pair.one.http.post("/runs/batch", json=body)
    assert answer.status_code == 422
    assert "run 1 of the batch" in answer.json()["detail"]
    assert (await pair.one.http.post("/threads/count", json={})).json() == 0


async def test_a_call_for_the_events_of_a_run_goes_to_the_worker_that_has_it(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    holder, other = await pair.find_holder("deal-1", run["run_id"])
    sent_on = await other.http.get(f"/threads/deal-1/runs/{run['run_id']}/stream")
    assert sent_on.headers["x-graphwarden-assistant"] == "steps"
    assert sent_on.headers["x-graphwarden-worker"] == holder.url.removeprefix("http://")
    pair.gate("a").touch()


async def test_a_stream_that_is_kept_can_be_read_on_another_worker_and_again(pair: Pair) -> None:
    body = {**pair.steps("a"), "stream_resumable": True, "stream_mode": ["updates"]}
    run = await create(pair.one, "deal-1", **body)
    await pair.until_in_second_step("a")
    place = f"/threads/deal-1/runs/{run['run_id']}/stream"
    reading = [
        asyncio.create_task(worker.http.get(place, headers={"last-event-id": "-1"}))
        for worker in (pair.one, pair.two)
    ]
    await asyncio.sleep(0.3)
    pair.gate("a").touch()
    texts = [(await answer).text for answer in reading]
    again = (await pair.two.http.get(place, headers={"last-event-id": "2"})).text
    assert texts[0] == texts[1]
    assert [line for line in texts[0].splitlines() if line.startswith("event")] == [
        "event: metadata", "event: updates", "event: updates", "event: updates", "event: end",
    ]  # fmt: skip
    assert texts[0].endswith(again)
    assert "id: 2\r\n" not in again


async def test_only_the_asked_mode_of_a_kept_stream_is_sent(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", stream_resumable=True, stream_mode=["values", "custom"])
    await until_status(pair.one, run, "success")
    place = f"/threads/deal-1/runs/{run['run_id']}/stream?stream_mode=custom"
    text = (await pair.one.http.get(place, headers={"last-event-id": "-1"})).text
    events = [line for line in text.splitlines() if line.startswith("event")]
    assert events == ["event: metadata", "event: custom", "event: end"]


async def test_a_cancelled_run_ends_interrupted_and_keeps_what_it_did(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    holder, other = await pair.find_holder("deal-1", run["run_id"])
    place = f"/threads/deal-1/runs/{run['run_id']}"
    assert (await other.http.post(f"{place}/cancel")).status_code == 421
    answer = await holder.http.post(f"{place}/cancel?wait=1")
    state = (await other.http.get("/threads/deal-1/state")).json()
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await other.http.get(place)).json()["status"] == "interrupted"
    assert (state["values"]["done"], state["next"]) == (["first"], ["second"])
    assert (await other.http.post(f"{place}/cancel")).status_code == 404


async def test_a_rolled_back_run_leaves_nothing(pair: Pair) -> None:
    await pair.one.http.post(
        "/threads/deal-1/runs/wait",
        json={"assistant_id": "kept", "input": INPUT, "if_not_exists": "create"},
    )
    before = (await pair.one.http.post("/threads/deal-1/history", json={})).json()
    run = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    await pair.two.http.post(
        "/runs/cancel?action=rollback",
        json={"thread_id": "deal-1", "run_ids": [run["run_id"]]},
    )

    async def gone() -> bool:
        place = f"/threads/deal-1/runs/{run['run_id']}"
        return (await pair.one.http.get(place)).status_code == 404

    await until(gone)
    after = (await pair.two.http.post("/threads/deal-1/history", json={})).json()
    assert [item["checkpoint_id"] for item in after] == [item["checkpoint_id"] for item in before]


async def test_a_run_that_waits_is_cancelled_wherever_one_asks(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", after_seconds=60)
    answer = await pair.two.http.post(f"/threads/deal-1/runs/{run['run_id']}/cancel?wait=1")
    assert answer.status_code == 200
    await until_status(pair.one, run, "interrupted")


async def test_all_runs_are_cancelled_by_status(pair: Pair) -> None:
    runs = [await create(pair.one, f"deal-{n}", after_seconds=60) for n in range(3)]
    assert (await pair.two.http.post("/runs/cancel", json={"status": "all"})).status_code == 204
    for run in runs:
        await until_status(pair.one, run, "interrupted")


async def test_a_run_that_has_ended_can_be_deleted_once(pair: Pair) -> None:
    run = await create(pair.one, "deal-1")
    await until_status(pair.one, run, "success")
    place = f"/threads/deal-1/runs/{run['run_id']}"
    statuses = [(await pair.two.http.delete(place)).status_code for _ in range(2)]
    assert statuses == [204, 404]


async def test_a_thread_is_deleted_while_its_run_is_on_another_worker(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    _, other = await pair.find_holder("deal-1", run["run_id"])
    assert (await other.http.delete("/threads/deal-1")).status_code == 204
    assert (await other.http.get("/threads/deal-1")).status_code == 404


async def test_a_run_whose_worker_is_killed_goes_on_by_itself(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    holder, other = await pair.find_holder("deal-1", run["run_id"])
    await holder.kill()
    pair.gate("a").touch()
    await until_status(other, run, "success")
    assert pair.effects("a") == ["first", "second", "third"]


async def test_a_run_is_handed_over_when_its_worker_is_told_to_end(pair: Pair) -> None:
    run = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    holder, other = await pair.find_holder("deal-1", run["run_id"])
    assert await holder.terminate() == 0
    pair.gate("a").touch()
    await until_status(other, run, "success")
    assert pair.effects("a") == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("strategy", "old", "done"),
    [
        ("enqueue", 200, ["first", "second", "third", "first", "second", "third"]),
        ("interrupt", 200, ["first", "first", "second", "third"]),
        ("rollback", 404, ["first", "second", "third"]),
    ],
)
async def test_a_second_run_on_a_thread_does_as_its_strategy_says(
    pair: Pair, strategy: str, old: int, done: list[str]
) -> None:
    first = await create(pair.one, "deal-1", **pair.steps("a"))
    await pair.until_in_second_step("a")
    second = {**pair.steps("b"), "multitask_strategy": strategy}
    waiting = asyncio.create_task(pair.two.http.post("/threads/deal-1/runs/wait", json=second))
    pair.gate("b").touch()
    if strategy == "enqueue":
        await asyncio.sleep(0.3)
        pair.gate("a").touch()
    answer = await waiting
    assert answer.json()["done"] == done
    place = f"/threads/deal-1/runs/{first['run_id']}"
    assert (await pair.one.http.get(place)).status_code == old
