"""Graphs whose nodes are graphs of another pool, called through the router."""

from __future__ import annotations

import operator
import os
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.pregel.remote import RemoteGraph


class State(TypedDict, total=False):
    foo: str
    log: Annotated[list[str], operator.add]


def before(state: State) -> State:
    return {"foo": state["foo"] + "-"}


def after(state: State) -> State:
    return {"foo": state["foo"] + "+"}


def _around(name: str, checkpointer: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("before", before)
    graph.add_node("far", RemoteGraph(name, url=os.environ["GRAPHWARDEN_TESTS_ROUTER_URL"]))
    graph.add_node("after", after)
    graph.add_edge(START, "before")
    graph.add_edge("before", "far")
    graph.add_edge("far", "after")
    graph.add_edge("after", END)
    return graph.compile(checkpointer=checkpointer)


def build_around_asking(checkpointer: Any = None) -> Any:
    """before, the graph `asking` of another pool, after."""
    return _around("asking", checkpointer)


def build_around_kept(checkpointer: Any = None) -> Any:
    """before, the graph `kept` of another pool, after."""
    return _around("kept", checkpointer)
