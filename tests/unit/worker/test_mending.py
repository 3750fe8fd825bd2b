from __future__ import annotations

from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from graphwarden.worker.mending import mend_langgraph


class State(TypedDict, total=False):
    text: str


def build(node: Any, checkpointer: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile(checkpointer=checkpointer)


@pytest.mark.parametrize("inner", [False, None])
async def test_a_durable_graph_may_call_one_that_keeps_no_checkpoints(inner: bool | None) -> None:
    mend_langgraph()
    called = build(lambda state: {"text": state["text"] + "!"}, inner)

    async def call(state: State) -> State:
        found: State = await called.ainvoke(state)
        return found

    graph = build(call, InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    assert await graph.ainvoke({"text": "hi"}, config, durability="sync") == {"text": "hi!"}


def test_the_same_holds_for_graphs_that_block() -> None:
    mend_langgraph()
    called = build(lambda state: {"text": state["text"] + "!"}, False)
    graph = build(lambda state: called.invoke(state), InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    assert graph.invoke({"text": "hi"}, config, durability="sync") == {"text": "hi!"}
