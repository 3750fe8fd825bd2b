"""Runs without a thread, against a real worker without a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ROWS = [
    make_row("echo"),
    make_row("failing"),
    make_row("asking"),
    make_row("slow", run={"timeout_seconds": 1.0, "max_concurrency": 2}),
    make_row("looping"),
    make_row("quitting"),
    make_row("async_quitting"),
    make_row("toned", context={"tone": "friendly"}),
    make_row("kept", "build_echo", resumable=True),
    make_row("broken"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("worker")
    limits = ("--concurrency", "3", "--max-body-bytes", "2000", "--heartbeat-seconds", "0.1")
    async with running_worker(folder, ROWS, *limits) as running:
        yield running


async def wait(worker: WorkerProcess, assistant_id: str, **body: Any) -> httpx.Response:
    body.setdefault("input", {"foo": "x"})
    return await worker.http.post("/runs/wait", json={"assistant_id": assistant_id, **body})


async def test_the_answer_is_the_final_state(worker: WorkerProcess) -> None:
    answer = await wait(worker, "echo")
    assert answer.json() == {"foo": "xab", "log": ["a", "b"]}


async def test_the_answer_names_its_run_by_relative_paths(worker: WorkerProcess) -> None:
    answer = await wait(worker, "echo")
    place = answer.headers["content-location"]
    assert place.startswith("/threads/")
    assert answer.headers["location"] == f"{place}/join"


async def test_an_error_of_the_graph_is_an_answer(worker: WorkerProcess) -> None:
    answer = await wait(worker, "failing")
    assert answer.status_code == 200
    assert answer.json() == {"__error__": {"error": "ValueError", "message": "kaboom"}}


async def test_an_interrupt_is_part_of_the_answer(worker: WorkerProcess) -> None:
    answer = (await wait(worker, "asking")).json()
    assert [i["value"] for i in answer["__interrupt__"]] == [{"q": "ok?"}]


async def test_the_recursion_limit_ends_a_loop(worker: WorkerProcess) -> None:
    answer = (await wait(worker, "looping")).json()
    assert answer["__error__"]["error"] == "GraphRecursionError"


async def test_the_time_limit_ends_a_run(worker: WorkerProcess) -> None:
    answer = (await wait(worker, "slow", input={"foo": "1.5"})).json()
    assert answer["__error__"]["error"] == "RunTimeout"


@pytest.mark.parametrize("graph", ["quitting", "async_quitting"])
async def test_a_node_that_exits_does_not_end_the_worker(worker: WorkerProcess, graph: str) -> None:
    answer = (await wait(worker, graph)).json()
    assert answer["__error__"]["error"] == "ExitAttempted"
    assert (await worker.http.get("/ok")).status_code == 200


async def test_the_rows_context_is_the_default(worker: WorkerProcess) -> None:
    assert (await wait(worker, "toned")).json()["foo"] == "friendly"


async def test_the_callers_context_wins(worker: WorkerProcess) -> None:
    answer = await wait(worker, "toned", context={"tone": "formal"})
    assert answer.json()["foo"] == "formal"


async def test_configurable_of_an_older_client_means_the_context(worker: WorkerProcess) -> None:
    answer = await wait(worker, "toned", config={"configurable": {"tone": "terse"}})
    assert answer.json()["foo"] == "terse"


async def test_a_long_answer_is_kept_alive_by_line_breaks(worker: WorkerProcess) -> None:
    answer = await wait(worker, "slow", input={"foo": "0.5"})
    assert answer.content.startswith(b"\n\n")
    assert answer.json() == {"foo": "slept", "log": ["slow"]}


async def test_a_quiet_stream_is_kept_alive_by_comments(worker: WorkerProcess) -> None:
    body = {"assistant_id": "slow", "input": {"foo": "0.5"}}
    answer = await worker.http.post("/runs/stream", json=body)
    assert b"\r\n: heartbeat\r\n\r\n" in answer.content


async def test_more_runs_of_a_graph_than_it_allows_are_refused_unstarted(
    worker: WorkerProcess,
) -> None:
    running = [asyncio.create_task(wait(worker, "slow", input={"foo": "0.6"})) for _ in range(2)]

    async def full() -> bool:
        return bool((await worker.graphs())["slow"]["in_flight"] == 2)

    await until(full)
    refused = await wait(worker, "slow")
    await asyncio.gather(*running)
    assert refused.status_code == 503
    assert refused.headers["x-graphwarden-not-started"] == "true"
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["reason"] == "AtCapacity"


@pytest.mark.parametrize(
    ("status", "reason", "body"),
    [
        (400, "InvalidJSON", b"{nope"),
        (422, "MissingAssistantID", b'{"input": {}}'),
        (422, "UnknownAssistant", b'{"assistant_id": "nobody"}'),
        (404, "NotFound", b'{"assistant_id": "00000000-0000-0000-0000-000000000000"}'),
        (422, "UnsupportedField", b'{"assistant_id": "echo", "feedback_keys": ["k"]}'),
        (422, "InvalidRequest", b'{"assistant_id": "echo", "stream_mode": "bogus"}'),
        (400, "InvalidRequest", b'{"assistant_id": "echo", "command": {"resume": 1}}'),
        (413, "BodyTooLarge", b" " * 3000),
        (503, "GraphNotLoaded", b'{"assistant_id": "broken"}'),
        (503, "GraphNotLoaded", b'{"assistant_id": "kept"}'),
    ],
)
async def test_what_cannot_be_served_is_answered_with_a_reason(
    worker: WorkerProcess, status: int, reason: str, body: bytes
) -> None:
    answer = await worker.http.post("/runs/wait", content=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


@pytest.mark.parametrize("path", ["/runs/wait", "/runs/stream"])
async def test_a_header_that_names_another_graph_than_the_body_is_refused(
    worker: WorkerProcess, path: str
) -> None:
    body = {"assistant_id": "echo", "input": {"foo": "x"}}
    answer = await worker.http.post(path, json=body, headers={"x-assistant-id": "toned"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "InvalidRequest")
    assert "'toned'" in answer.json()["detail"]


async def test_json_sent_as_plain_text_is_read(worker: WorkerProcess) -> None:
    content = b'{"assistant_id": "echo", "input": {"foo": "x"}, "something_else": 1}'
    headers = {"content-type": "text/plain"}
    answer = await worker.http.post("/runs/wait", content=content, headers=headers)
    assert answer.json()["foo"] == "xab"


async def test_the_callers_trace_is_kept(worker: WorkerProcess) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    answer = await worker.http.get("/nope", headers=headers)
    assert answer.headers["x-trace-id"] == trace_id
    assert answer.json()["trace_id"] == trace_id


async def test_a_reader_who_cancels_stops_the_run(worker: WorkerProcess) -> None:
    body = {"assistant_id": "slow", "input": {"foo": "0.9"}, "on_disconnect": "cancel"}
    with pytest.raises(httpx.ReadTimeout):
        await worker.http.post("/runs/stream", json=body, timeout=0.05)

    async def stopped() -> bool:
        series = (await worker.http.get("/metrics")).text
        return 'assistant_id="slow",capability="tests",outcome="interrupted"' in series

    await until(stopped)


async def test_no_payload_is_logged(worker: WorkerProcess) -> None:
    await wait(worker, "echo", input={"foo": "a-secret-word"})
    await wait(worker, "failing", input={"foo": "a-secret-word"})
    log = (worker.registry.parent / "log").read_text()
    assert "a-secret-word" not in log
    assert "kaboom" not in log
    assert '"route": "/runs/wait"' in log
