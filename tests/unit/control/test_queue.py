"""When pools are looked at. The clock is the test's own."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from graphwarden.control.queue import Queue

A, B = ("ns", "a"), ("ns", "b")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Queue:
    return Queue(clock)


async def _take(queue: Queue) -> set[tuple[str, str]]:
    return await asyncio.wait_for(queue.take(), timeout=10)


async def _take_now(queue: Queue) -> set[tuple[str, str]]:
    """What is due at this very moment."""
    task = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return set()


async def test_marks_close_together_become_one_pass(queue: Queue, clock: Clock) -> None:
    queue.mark(A)
    queue.mark(B)
    queue.mark(A)
    clock.now = 0.1
    assert await _take(queue) == {A, B}
    assert await _take_now(queue) == set()


async def test_a_mark_during_a_pass_waits_for_its_end(queue: Queue, clock: Clock) -> None:
    queue.mark(A)
    clock.now = 1
    await _take(queue)
    queue.mark(A)
    clock.now = 2
    assert await _take_now(queue) == set()
    queue.finish(A)
    assert await _take(queue) == {A}


async def test_failures_back_off_from_half_a_second_to_a_minute(queue: Queue) -> None:
    delays = [queue.fail(A) for _ in range(9)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_success_ends_the_back_off(queue: Queue) -> None:
    queue.fail(A)
    queue.fail(A)
    queue.finish(A)
    assert queue.fail(A) == 0.5


async def test_a_failed_pool_comes_back_by_itself(queue: Queue, clock: Clock) -> None:
    queue.fail(A)
    clock.now = 0.4
    assert await _take_now(queue) == set()
    clock.now = 0.6
    assert await _take(queue) == {A}


async def test_an_event_does_not_wait_for_the_back_off(queue: Queue, clock: Clock) -> None:
    for _ in range(8):
        queue.fail(A)
    queue.mark(A)
    clock.now = 0.1
    assert await _take(queue) == {A}


async def test_a_pool_that_is_loading_is_looked_at_at_growing_distance(
    queue: Queue, clock: Clock
) -> None:
    looks = []
    queue.mark(A)
    for _ in range(7):
        while not await _take_now(queue):
            clock.now += 0.1
        looks.append(clock.now)
        queue.finish(A, settled=False)
    gaps = [round(b - a, 1) for a, b in itertools.pairwise(looks)]
    assert gaps == pytest.approx([0.3, 0.6, 1.2, 2.4, 4.8, 5.0], abs=0.11)


async def test_a_pass_without_end_is_overdue(queue: Queue, clock: Clock) -> None:
    assert queue.overdue_seconds() == 0
    queue.mark(A)
    clock.now = 1
    await _take(queue)
    clock.now = 131
    assert queue.overdue_seconds() == 130


async def test_a_pool_that_waits_for_its_time_is_not_overdue(queue: Queue, clock: Clock) -> None:
    queue.fail(A)
    clock.now = 0.4
    assert queue.overdue_seconds() == 0
