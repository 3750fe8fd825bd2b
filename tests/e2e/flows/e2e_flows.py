"""A graph whose steps take their time, so that a worker can be killed in the middle of a run."""

from __future__ import annotations

import asyncio
import operator
import uuid
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph

STEPS = ("research", "write", "check", "send")


class State(TypedDict, total=False):
    seconds: float
    done: Annotated[list[str], operator.add]


def _make_step(name: str) -> Any:
    async def step(state: State) -> State:
        await asyncio.sleep(state["seconds"])
        return {"done": [f"{name} {uuid.uuid4()}"]}

    return step


def build_graph(checkpointer: Any = None) -> Any:
    """Each step notes its name and a number that no other execution of it has."""
    graph = StateGraph(State)
    for before, name in zip((START, *STEPS), STEPS, strict=False):
        graph.add_node(name, _make_step(name))
        graph.add_edge(before, name)
    graph.add_edge(STEPS[-1], END)
    return graph.compile(checkpointer=checkpointer)
