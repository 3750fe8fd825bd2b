"""RemoteGraph through the router: from outside, and from a graph of one pool to one of another."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command

from contract.fleet import Fleet, running_fleet
from worker_process import make_row

REMOTE = "flows.remote"
POOLS = {
    "left": [
        make_row("around_asking", module=REMOTE, resumable=True),
        make_row("around_kept", module=REMOTE, resumable=True),
        make_row("around_once", "build_around_kept", module=REMOTE),
    ],
    "right": [
        make_row("asking", resumable=True),
        make_row("kept", "build_echo", resumable=True),
    ],
}


pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(
    fleet_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """Two pools, each with graphs that the other one calls."""
    folder = tmp_path_factory.mktemp("fleet")
    async with running_fleet(folder, POOLS, database_url=fleet_database) as running:
        yield running


async def test_a_node_of_one_pool_runs_a_graph_of_another(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    answer = await fleet.sdk.runs.wait(thread, "around_kept", input={"foo": "x"})
    assert answer == {"foo": "x-ab+", "log": ["a", "b"]}


async def test_a_graph_without_checkpoints_calls_one_with(fleet: Fleet) -> None:
    answer = await fleet.sdk.runs.wait(None, "around_once", input={"foo": "x"})
    assert answer == {"foo": "x-ab+", "log": ["a", "b"]}


async def test_the_caller_streams_what_the_other_pool_does(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    events = [
        (part.event.split(":")[0], part.data)
        async for part in fleet.sdk.runs.stream(
            thread,
            "around_kept",
            input={"foo": "x"},
            stream_mode=["updates", "custom"],
            stream_subgraphs=True,
        )
    ]
    assert ("updates|far", {"a": {"foo": "x-a", "log": ["a"]}}) in events
    assert ("custom|far", {"progress": 1}) in events


async def test_an_interrupt_of_the_other_pool_stops_the_caller_and_its_answer_goes_there(
    fleet: Fleet,
) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    asked = await fleet.sdk.runs.wait(thread, "around_asking", input={"foo": "x"})
    state = await fleet.sdk.threads.get_state(thread)
    answer = await fleet.sdk.runs.wait(thread, "around_asking", command={"resume": "yes"})
    assert isinstance(asked, dict)
    assert asked["__interrupt__"][0]["value"] == {"q": "ok?"}
    assert state["next"] == ["far"]
    assert answer == {"foo": "x-byes+", "log": ["b", "asked"]}


async def test_a_remote_graph_is_invoked_interrupted_resumed_and_looked_at(fleet: Fleet) -> None:
    remote = RemoteGraph("asking", client=fleet.sdk)
    thread = (await fleet.sdk.threads.create())["thread_id"]
    config = {"configurable": {"thread_id": thread}}
    await remote.ainvoke({"foo": "x"}, config)
    waiting = await remote.aget_state(config)
    answer = await remote.ainvoke(Command(resume="yes"), config)
    history = [snapshot async for snapshot in remote.aget_state_history(config)]
    await remote.aupdate_state(config, {"foo": "edited"})
    edited = await remote.aget_state(config)
    assert waiting.next == ("ask",)
    assert waiting.interrupts[0].value == {"q": "ok?"}
    assert answer == {"foo": "xbyes", "log": ["b", "asked"]}
    assert history[0].values == answer
    assert edited.values["foo"] == "edited"
    assert set((await remote.aget_graph()).nodes) >= {"b", "ask"}


async def test_a_thread_shows_the_state_and_history_of_graphs_of_two_pools(fleet: Fleet) -> None:
    thread = (await fleet.sdk.threads.create())["thread_id"]
    await fleet.sdk.runs.wait(thread, "kept", input={"foo": "x"})
    await fleet.sdk.runs.wait(thread, "around_kept", input={"foo": "y"})
    state = await fleet.sdk.threads.get_state(thread)
    history = await fleet.sdk.threads.get_history(thread)
    graphs = [item["metadata"]["graph_id"] for item in history]
    assert state["values"] == {"foo": "y-ab+", "log": ["a", "b", "a", "b", "a", "b"]}
    assert graphs == sorted(graphs)
    assert set(graphs) == {"around_kept", "kept"}
    assert history[-2]["values"] == {"foo": "x", "log": []}
