"""Nodes that try to end the process."""

from __future__ import annotations

import asyncio

import pytest

from graphwarden.worker import marks
from graphwarden.worker.guards import ExitAttempted, NodeThreads, make_task


async def leave() -> None:
    raise SystemExit(3)


async def answer() -> int:
    return 42


async def test_an_exit_in_a_task_of_a_run_is_an_ordinary_error() -> None:
    marks.begin("echo", "a-run")
    task = make_task(asyncio.get_running_loop(), leave(), name="node")
    with pytest.raises(ExitAttempted, match="SystemExit"):
        await task


@pytest.mark.parametrize("inside", [True, False])
async def test_other_tasks_are_as_they_were(inside: bool) -> None:
    if inside:
        marks.begin("echo", "a-run")
    task = make_task(asyncio.get_running_loop(), answer(), name="node")
    assert (await task, task.get_name()) == (42, "node")


def test_an_exit_in_a_nodes_thread_is_an_ordinary_error() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with NodeThreads(1) as threads, pytest.raises(ExitAttempted, match="KeyboardInterrupt"):
        threads.submit(interrupt).result()
