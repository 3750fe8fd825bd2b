"""What a watchdog makes of a loop that does not answer, and of memory that grows."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from graphwarden.worker import marks
from graphwarden.worker.blockage import Blockage
from graphwarden.worker.guards import NodeThreads
from graphwarden.worker.memory import Ledger, Pressure, _read_cgroup_limit, find_limit
from graphwarden.worker.watchdog import describe_frames


def test_a_block_is_told_once_and_then_replaces() -> None:
    blockage = Blockage(warn_seconds=0.3, limit_seconds=0.8)
    steps = [blockage.note(0.2) for _ in range(4)]
    assert steps == ["wait", "warn", "wait", "replace"]


def test_a_block_that_ends_tells_its_length_and_starts_anew() -> None:
    blockage = Blockage(warn_seconds=0.3, limit_seconds=9)
    blockage.note(0.5)
    assert (blockage.end(), blockage.end()) == (0.5, 0.0)
    assert blockage.note(0.2) == "wait"


def test_a_short_block_is_not_worth_a_word() -> None:
    blockage = Blockage(warn_seconds=1, limit_seconds=9)
    blockage.note(0.5)
    assert blockage.end() == 0.0


def test_a_process_that_was_stopped_does_not_blame_its_loop() -> None:
    assert Blockage(warn_seconds=2, limit_seconds=5).note(600) == "wait"


def test_without_a_limit_nothing_is_replaced() -> None:
    blockage = Blockage(warn_seconds=0.5, limit_seconds=0)
    assert "replace" not in [blockage.note(1) for _ in range(100)]


def test_growth_is_charged_to_the_run_at_work() -> None:
    ledger = Ledger()
    ledger.note(100, {"idle"}, ["idle", "hungry"])
    ledger.note(500, {"hungry"}, ["idle", "hungry"])
    assert ledger.choose(()) == "hungry"
    assert ledger.choose({"hungry"}) == "idle"


def test_of_equal_charges_the_newest_run_is_chosen() -> None:
    ledger = Ledger()
    ledger.note(100, (), ["old", "new"])
    assert ledger.choose(()) == "new"


def test_a_run_that_ended_is_not_chosen() -> None:
    ledger = Ledger()
    ledger.note(100, (), ["gone"])
    ledger.note(900, {"gone"}, [])
    assert ledger.choose(()) is None


def test_pressure_holds_until_there_is_some_room() -> None:
    pressure = Pressure(1000)
    found = []
    for used in (899, 900, 860, 849):
        pressure.note(used)
        found.append(pressure.is_high)
    assert found == [False, True, True, False]


@pytest.mark.parametrize(("asked", "limit"), [(5000, 5000), (0, None)])
def test_a_limit_that_is_asked_for_holds(asked: int, limit: int | None) -> None:
    assert find_limit(asked) == limit


@pytest.mark.parametrize(
    ("name", "text", "limit"),
    [
        ("memory.max", "1000\n", 1000),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "2000\n", 2000),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("some/slice/memory.max", "3000\n", 3000),
    ],
)
def test_the_limit_of_the_cgroup_is_found(
    tmp_path: Path, name: str, text: str, limit: int | None
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    own = tmp_path / "own"
    own.write_text("0::/some/slice\n")
    assert _read_cgroup_limit(tmp_path, own) == limit


def test_the_place_is_the_line_outside_of_the_libraries() -> None:
    place, stack = describe_frames(sys._getframe())
    assert place.startswith(f"{__file__}:")
    assert stack[0] == place


async def test_work_in_threads_is_counted_to_its_end() -> None:
    mark = marks.begin("echo", "a-run")
    go, idle = threading.Event(), threading.Event()
    with NodeThreads(1) as threads:
        threads.submit(go.wait)
        waiting = threads.submit(go.wait)
        assert mark.open_threads == 2
        waiting.cancel()
        assert mark.open_threads == 1
        assert mark.when_idle(idle.set)
        go.set()
    assert idle.is_set()
    assert not mark.when_idle(idle.clear)


async def test_an_error_can_be_thrown_into_the_threads_of_a_run() -> None:
    mark = marks.begin("echo", "a-run")
    started, stop = threading.Event(), threading.Event()

    def turn() -> None:
        started.set()
        while not stop.wait(0.01):
            pass

    with NodeThreads(1) as threads:
        future = threads.submit(turn)
        started.wait()
        mark.throw_in_threads(MemoryError)
        with pytest.raises(MemoryError):
            future.result(5)
        assert threads.submit(lambda: 42).result(5) == 42


async def test_a_run_whose_task_went_on_between_two_looks_was_at_work() -> None:
    async def turn(run_id: str, pause: float) -> None:
        marks.begin("assistant", run_id)
        while True:
            await asyncio.sleep(pause)

    tasks = [asyncio.create_task(turn("busy", 0)), asyncio.create_task(turn("idle", 60))]
    await asyncio.sleep(0)
    movements = marks.Movements()
    assert {mark.run_id for mark in movements.look()} >= {"busy", "idle"}
    await asyncio.sleep(0.01)
    moved = {mark.run_id for mark in movements.look()}
    for task in tasks:
        task.cancel()
    assert moved & {"busy", "idle"} == {"busy"}
