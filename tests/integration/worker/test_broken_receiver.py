"""A receiver of traces that is down, away, hostile or slow: runs go on as if there were none."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otlp_receiver import Mood, Receiver, running_receiver
from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

CHATTY = make_row("chatty", "build_graph", module="flows.chatty")
WARNING = "spans do not arrive at 127.0.0.1 and are lost; runs go on"
# Of no test that has a deadline.
FOREVER = "3600"


@contextmanager
def broken_endpoint(mood: str) -> Iterator[str]:
    """Where spans do not arrive: `down`, or what a receiver does with them."""
    if mood == "down":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{probe.getsockname()[1]}"
        return
    with running_receiver() as receiver:
        receiver.mood = mood  # type: ignore[assignment]
        yield receiver.endpoint


async def call(worker: WorkerProcess, assistant: str, **given: Any) -> None:
    body = {"assistant_id": assistant, "input": given}
    answer = await worker.http.post("/runs/wait", json=body)
    assert answer.status_code == 200, answer.text


async def read_figure(worker: WorkerProcess, name: str) -> float:
    lines = (await worker.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def read_warnings(folder: Path) -> list[str]:
    lines = (folder / "log").read_text().splitlines()
    return [told["message"] for told in map(json.loads, lines) if told["level"] != "info"]


@pytest.mark.parametrize("mood", ["down", "is away", "refuses", "hangs"])
async def test_runs_are_answered_and_one_line_says_that_spans_are_lost(
    tmp_path: Path, mood: str
) -> None:
    with broken_endpoint(mood) as endpoint:
        async with running_worker(
            tmp_path,
            [make_row("echo")],
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_TIMEOUT="0.2",
        ) as worker:
            for _ in range(3):
                before = await read_figure(worker, "graphwarden_spans_lost_total")
                await asyncio.gather(*(call(worker, "echo", foo="x") for _ in range(5)))

                async def more_are_lost(before: float = before) -> bool:
                    return await read_figure(worker, "graphwarden_spans_lost_total") > before

                await until(more_are_lost)
            assert await worker.terminate() == 0
    assert read_warnings(tmp_path) == [WARNING]


@contextmanager
def hanging_receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        receiver.mood = "hangs"
        yield receiver


async def test_of_many_spans_no_more_wait_than_there_is_room_for(tmp_path: Path) -> None:
    with hanging_receiver() as receiver:
        async with running_worker(
            tmp_path,
            [CHATTY],
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_EXPORTER_OTLP_TIMEOUT=FOREVER,
        ) as worker:
            for _ in range(3):
                await call(worker, "chatty", spans=5000)
            waiting = await read_figure(worker, "graphwarden_spans_waiting")
            lost = await read_figure(worker, "graphwarden_spans_lost_total")
    assert waiting == 4096
    # Of each run there are three more; one request may be under way.
    assert 3 * 5003 - 4096 - 1024 <= lost <= 3 * 5003 - 4096


async def test_a_worker_whose_receiver_never_answers_ends_when_it_is_told_to(
    tmp_path: Path,
) -> None:
    with hanging_receiver() as receiver:
        async with running_worker(
            tmp_path,
            [CHATTY],
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_EXPORTER_OTLP_TIMEOUT=FOREVER,
        ) as worker:
            await call(worker, "chatty", spans=5000)

            async def is_asked() -> bool:
                return receiver.requests > 0

            await until(is_asked)
            assert await worker.terminate() == 0
            assert not receiver.left.is_set()


async def test_a_receiver_that_is_back_gets_what_is_made_from_then_on(tmp_path: Path) -> None:
    moods: tuple[Mood, ...] = ("is away", "takes")
    with running_receiver() as receiver:
        async with running_worker(
            tmp_path,
            [make_row("echo")],
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_EXPORTER_OTLP_TIMEOUT="0.2",
        ) as worker:
            for receiver.mood in moods:
                asked = receiver.requests
                await call(worker, "echo", foo=receiver.mood)

                async def is_asked(asked: int = asked) -> bool:
                    return receiver.requests > asked

                await until(is_asked)
            assert await worker.terminate() == 0
    assert "invoke_workflow echo" in {span["name"] for span in receiver.spans}
    assert read_warnings(tmp_path) == [WARNING]
