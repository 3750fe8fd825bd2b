"""A graph that keeps count in the store of its pool."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.config import get_store
from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    who: str
    count: int


async def remember(state: State) -> State:
    store = get_store()
    known = await store.aget(("people",), state["who"])
    count = (known.value["count"] if known else 0) + 1
    await store.aput(("people",), state["who"], {"count": count})
    return {"count": count}


def build_graph(checkpointer: Any = None) -> Any:
    """remember."""
    graph = StateGraph(State)
    graph.add_node("remember", remember)
    graph.add_edge(START, "remember")
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=checkpointer)
