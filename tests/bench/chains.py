"""The graphs that every server in the benchmarks serves: one node, and ten in a row."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    foo: str


async def step(state: State) -> State:
    return {"foo": state["foo"][-8:] + "a"}


def _chain(length: int, checkpointer: Any) -> Any:
    graph = StateGraph(State)
    before = START
    for number in range(length):
        name = f"n{number}"
        graph.add_node(name, step)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph.compile(checkpointer=checkpointer)


def build_one(checkpointer: Any = None) -> Any:
    """One node."""
    return _chain(1, checkpointer)


def build_ten(checkpointer: Any = None) -> Any:
    """Ten nodes in a row."""
    return _chain(10, checkpointer)


one = build_one()
ten = build_ten()
