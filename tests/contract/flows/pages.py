"""Graphs that are web pages, good ones and others."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    request: dict[str, Any]
    response: Any


def _build(node: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("page", node)
    builder.add_edge(START, "page")
    builder.add_edge("page", END)
    return builder.compile()


def _show(state: State) -> State:
    asked = state["request"]
    text = f"{asked['method']} {asked['query']} {asked['form']}"
    return {"response": {"status": 201, "content_type": "text/plain", "body": text}}


def _give_nonsense(state: State) -> State:
    del state
    return {"response": {"status": 42, "headers": {"set-cookie": "x"}}}


def _fail(state: State) -> State:
    raise ValueError("a secret of the graph")


def build_page(checkpointer: Any = None) -> Any:
    return _build(_show)


def build_nonsense(checkpointer: Any = None) -> Any:
    return _build(_give_nonsense)


def build_failing_page(checkpointer: Any = None) -> Any:
    return _build(_fail)
