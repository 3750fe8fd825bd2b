"""Graphs of two pools behind one router, as one server."""

from __future__ import annotations

from typing import Any

import pytest

from contract.fleet import Fleet

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_graph_of_each_pool_answers(fleet: Fleet) -> None:
    for graph in ("echo", "kept"):
        answered = await fleet.sdk.runs.wait(None, graph, input={"foo": "x"})
        assert isinstance(answered, dict)
        assert answered["foo"].startswith("x")


async def test_a_thread_that_ran_graphs_of_two_pools_shows_the_newest(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    await fleet.sdk.runs.wait(thread, "asking", input={"foo": "x"})
    await fleet.sdk.runs.wait(thread, "kept", input={"foo": "y"})
    assert (await fleet.sdk.threads.get(thread))["metadata"]["graph_id"] == "kept"
    assert (await fleet.sdk.threads.get_state(thread))["next"] == []
    history = await fleet.sdk.threads.get_history(thread, limit=100)
    by_graph = {state["metadata"]["graph_id"] for state in history}
    assert by_graph == {"asking", "kept"}


async def test_the_history_tells_what_each_graph_had_to_do_next_and_asked(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    await fleet.sdk.runs.wait(thread, "asking", input={"foo": "x"})
    before = await fleet.sdk.threads.get_history(thread, limit=100)
    await fleet.sdk.runs.wait(thread, "kept", input={"foo": "y"})
    after = await fleet.sdk.threads.get_history(thread, limit=100)

    def tell(state: Any) -> Any:
        # What a key is before anybody has set it is for its own graph to know.
        values = {key: value for key, value in state["values"].items() if value}
        return [state["checkpoint_id"], values, state["next"], state["interrupts"]]

    assert [tell(state) for state in after[-len(before) :]] == [tell(state) for state in before]
    assert before[0]["next"] == ["ask"]
    assert before[0]["interrupts"]


async def test_a_state_of_a_thread_is_read_by_the_graph_that_made_it(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    await fleet.sdk.runs.wait(thread, "asking", input={"foo": "x"})
    asked = await fleet.sdk.threads.get_state(thread)
    await fleet.sdk.runs.wait(thread, "kept", input={"foo": "y"})
    then = await fleet.sdk.threads.get_state(thread, asked["checkpoint"])
    assert (then["next"], then["values"]) == (asked["next"], asked["values"])
    assert then["tasks"][0]["interrupts"] == asked["tasks"][0]["interrupts"]
    assert asked["next"] == ["ask"]
