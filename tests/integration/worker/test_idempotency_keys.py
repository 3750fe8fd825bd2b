"""Calls that are sent again with the same `Idempotency-Key`: one run, whoever asks and where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

ROWS = [
    make_row("slow", run={"timeout_seconds": 30.0}),
    make_row("failing"),
    make_row("kept", "build_echo", resumable=True),
    make_row("steps", "build_graph", module="flows.steps", resumable=True),
]
Pair = tuple[WorkerProcess, WorkerProcess]


@pytest_asyncio.fixture
async def pair(tmp_path: Path, database_url: str) -> AsyncIterator[Pair]:
    place = ("--database-url", database_url)
    async with (
        running_worker(tmp_path / "one", ROWS, *place) as one,
        running_worker(tmp_path / "two", ROWS, *place) as two,
    ):
        yield one, two


async def call(
    worker: WorkerProcess, path: str, assistant: str, key: str, **body: Any
) -> httpx.Response:
    body = {"assistant_id": assistant, "input": {"foo": "x"}, **body}
    return await worker.http.post(path, json=body, headers={"idempotency-key": key})


def run_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["content-location"].rsplit("/", 1)[1]


def is_repeat(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


@pytest.mark.parametrize("path", ["/runs/wait", "/threads/deal-1/runs/wait"])
async def test_the_same_key_gives_the_result_of_the_first_run_on_every_worker(
    pair: Pair, path: str
) -> None:
    body = {"if_not_exists": "create"} if "threads" in path else {}
    first = await call(pair[0], path, "kept", "order-7", **body)
    again = await call(pair[1], path, "kept", "order-7", **body)
    assert (run_of(again), again.json()) == (run_of(first), first.json())
    assert (is_repeat(first), is_repeat(again)) == (False, True)


async def test_the_same_key_joins_a_run_that_is_under_way_elsewhere(
    pair: Pair, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    state = {"effects": str(tmp_path / "effects"), "gate": str(gate)}
    path, more = "/threads/deal-1/runs/wait", {"input": state, "if_not_exists": "create"}
    calls = [asyncio.create_task(call(pair[0], path, "steps", "k", **more))]

    async def waiting() -> bool:
        return Path(f"{gate}.waiting").exists()

    await until(waiting)
    calls.append(asyncio.create_task(call(pair[1], path, "steps", "k", **more)))
    await asyncio.sleep(0.3)
    gate.touch()
    first, second = await asyncio.gather(*calls)
    assert run_of(first) == run_of(second)
    assert first.json() == second.json()


async def test_two_calls_with_one_key_at_the_same_moment_are_one_run(pair: Pair) -> None:
    answers = await asyncio.gather(
        *(call(pair[number % 2], "/runs", "kept", "at-once") for number in range(8))
    )
    assert len({answer.json()["run_id"] for answer in answers}) == 1


async def test_the_same_key_on_another_thread_is_another_key(pair: Pair) -> None:
    body = {"if_not_exists": "create"}
    answers = [
        await call(pair[0], f"/threads/{thread}/runs/wait", "kept", "k", **body)
        for thread in ("deal-1", "deal-2")
    ]
    assert run_of(answers[0]) != run_of(answers[1])


@pytest.mark.parametrize("assistant", ["kept", "failing"])
async def test_a_key_that_was_used_for_another_request_is_refused(
    pair: Pair, assistant: str
) -> None:
    await call(pair[0], "/runs/wait", assistant, "k")
    other = await call(pair[0], "/runs/wait", assistant, "k", input={"foo": "y"})
    assert (other.status_code, other.json()["reason"]) == (422, "IdempotencyKeyReused")


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
async def test_a_key_that_is_no_key_is_refused(pair: Pair, key: str) -> None:
    answer = await call(pair[0], "/runs/wait", "kept", key)
    assert (answer.status_code, answer.json()["reason"]) == (422, "InvalidRequest")


async def test_a_repeated_stream_tells_the_end_of_the_first_run(pair: Pair) -> None:
    first = await call(pair[0], "/runs/wait", "kept", "k")
    again = await call(pair[1], "/runs/stream", "kept", "k")
    assert run_of(again) == run_of(first)
    assert '"foo":"xab"' in again.text


async def test_a_run_without_storage_is_repeated_by_the_worker_that_had_it(pair: Pair) -> None:
    first, second = await asyncio.gather(
        *(call(pair[0], "/runs/wait", "slow", "k", input={"foo": "0.5"}) for _ in range(2))
    )
    assert run_of(first) == run_of(second)
    assert [is_repeat(first), is_repeat(second)].count(True) == 1
    third = await call(pair[0], "/runs/stream", "slow", "k", input={"foo": "0.5"})
    assert (run_of(third), is_repeat(third)) == (run_of(first), True)
