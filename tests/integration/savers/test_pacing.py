"""Runs of graphs whose checkpoints are stored behind their steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph

from graphwarden.worker.storage.fence import FencedOff
from integration.savers.place import Place, make_config, running_under
from integration.savers.test_fences import changing_hands

pytestmark = pytest.mark.integration

STEPS = 60


class State(TypedDict):
    count: int


def make_graph(place: Place, do: Callable[[int], Awaitable[None]]) -> Any:
    """A graph that goes through its one node again and again."""

    async def step(state: State) -> State:
        await do(state["count"])
        return {"count": state["count"] + 1}

    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: "step" if state["count"] < STEPS else END)
    return builder.compile(checkpointer=place.saver)


async def run(graph: Any) -> Any:
    config = {**make_config("deal-1"), "recursion_limit": STEPS + 5}
    return await graph.ainvoke({"count": 0}, config, durability="async")


async def test_a_run_waits_for_a_database_that_cannot_follow(place: Place) -> None:
    fence = await place.own("deal-1")
    await place.put("deal-2")
    begun: list[int] = []

    async def count(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)

    graph = make_graph(place, count)
    async with changing_hands(place, fence) as commit:
        with running_under(fence):
            task = asyncio.create_task(run(graph))
        await asyncio.sleep(0.5)
        ahead = len(begun)
        task.cancel()
        commit()
        await asyncio.gather(task, return_exceptions=True)
    assert 1 < ahead < 15


@pytest.mark.parametrize("durability", ["async", "sync"])
async def test_every_step_is_stored_behind_the_run(place: Place, durability: str) -> None:
    async def nothing(_number: int) -> None:
        pass

    graph = make_graph(place, nothing)
    config: Any = {**make_config("deal-1"), "recursion_limit": STEPS + 5}
    values = await graph.ainvoke({"count": 0}, config, durability=durability)
    history = [item async for item in place.saver.alist(make_config("deal-1"))]
    assert values == {"count": STEPS}
    # The input and the state before the first step stand before the steps.
    assert len(history) == STEPS + 2


async def test_a_run_whose_thread_was_taken_over_begins_no_further_steps(place: Place) -> None:
    fence = await place.own("deal-1")
    begun: list[int] = []

    async def lose_the_thread(number: int) -> None:
        begun.append(number)
        if number == 3:
            await place.take_over(fence)
        await asyncio.sleep(0.05)

    with running_under(fence), pytest.raises(FencedOff):
        await run(make_graph(place, lose_the_thread))
    assert len(begun) < 20


async def test_a_run_in_one_task_at_a_time_is_stored_as_well(place: Place) -> None:
    async def nothing(_number: int) -> None:
        pass

    config = {**make_config("deal-1"), "recursion_limit": STEPS + 5, "max_concurrency": 1}
    graph = make_graph(place, nothing)
    assert await graph.ainvoke({"count": 0}, config, durability="async") == {"count": STEPS}
