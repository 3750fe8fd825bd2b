"""A graph whose path its input decides: it writes down its steps, may take its time, may ask."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    name: str
    seconds: float
    asks: bool
    log: Annotated[list[str], operator.add]


async def begin(state: State) -> State:
    return {"log": [f"{state['name']}-begin"]}


async def work(state: State) -> State:
    await asyncio.sleep(state["seconds"])
    return {"log": [f"{state['name']}-work"]}


async def ask(state: State) -> State:
    answer = interrupt("go on?") if state["asks"] else "unasked"
    return {"log": [f"{state['name']}-{answer}"]}


def build_graph(checkpointer: Any = None) -> Any:
    """begin, work (takes `seconds`), ask (interrupts where `asks`)."""
    graph = StateGraph(State)
    graph.add_node("begin", begin)
    graph.add_node("work", work)
    graph.add_node("ask", ask)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "work")
    graph.add_edge("work", "ask")
    graph.add_edge("ask", END)
    return graph.compile(checkpointer=checkpointer)
