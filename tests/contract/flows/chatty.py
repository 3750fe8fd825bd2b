"""A graph whose node makes many spans of its own."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from opentelemetry import trace

_tracer = trace.get_tracer("flows.chatty")


class State(TypedDict, total=False):
    spans: int


def talk(state: State) -> State:
    for _ in range(state["spans"]):
        _tracer.start_span("piece").end()
    return {}


def build_graph(checkpointer: Any = None) -> Any:
    """One node."""
    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_edge(START, "talk")
    graph.add_edge("talk", END)
    return graph.compile(checkpointer=checkpointer)
