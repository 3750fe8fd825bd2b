"""A graph that sleeps on an interrupt until it is due, and writes down each time it goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    due: Any
    effects: str
    answer: Any


def sleep(state: State) -> State:
    return {"answer": interrupt({"wake_at": state["due"], "wake_with": "alarm"})}


def act(state: State) -> State:
    with Path(state["effects"]).open("a") as file:
        file.write(f"{state['answer']} {time.time()}\n")
    return {}


def build_graph(checkpointer: Any = None) -> Any:
    """sleep (parks until `due`), act."""
    graph = StateGraph(State)
    graph.add_node("sleep", sleep)
    graph.add_node("act", act)
    graph.add_edge(START, "sleep")
    graph.add_edge("sleep", "act")
    graph.add_edge("act", END)
    return graph.compile(checkpointer=checkpointer)
