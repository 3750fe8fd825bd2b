"""A resumable graph whose finished steps can be counted from outside.

Each step appends its name to the file that the state names; the second one waits for another file,
so that a test can kill the worker while it waits.
"""

from __future__ import annotations

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    effects: str
    gate: str
    done: Annotated[list[str], operator.add]


def _act(state: State, name: str) -> State:
    with Path(state["effects"]).open("a") as file:
        file.write(name + "\n")
    return {"done": [name]}


async def first(state: State) -> State:
    return _act(state, "first")


async def second(state: State) -> State:
    while not Path(state["gate"]).exists():
        Path(state["gate"] + ".waiting").touch()
        await asyncio.sleep(0.02)
    return _act(state, "second")


async def third(state: State) -> State:
    return _act(state, "third")


def build_graph(checkpointer: Any = None) -> Any:
    """first, second (waits for the gate), third."""
    graph = StateGraph(State)
    graph.add_node("first", first)
    graph.add_node("second", second)
    graph.add_node("third", third)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", "third")
    graph.add_edge("third", END)
    return graph.compile(checkpointer=checkpointer)


async def ask(state: State) -> State:
    answer = interrupt("go on?")
    return _act(state, f"ask-{answer}")


def build_fork(checkpointer: Any = None) -> Any:
    """ask (interrupts), then first and second (waits for the gate) side by side, then third."""
    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_node("first", first)
    graph.add_node("second", second)
    graph.add_node("third", third)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "first")
    graph.add_edge("ask", "second")
    graph.add_edge(["first", "second"], "third")
    graph.add_edge("third", END)
    return graph.compile(checkpointer=checkpointer)
