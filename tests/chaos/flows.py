"""What the kill loops run: parallel branches, a subgraph, a question, and a journal of it all.

Each execution of a node appends one line to the journal before it does anything, stores its keyed
effect, and tells the harness that it is about to return.
"""

from __future__ import annotations

import asyncio
import json
import operator
import os
import random
import socket
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

_LONGEST_NODE_SECONDS = 0.06


class State(TypedDict, total=False):
    folder: str
    request: str
    done: Annotated[list[str], operator.add]
    # Which attempt did it: by it a write of an attempt that was over can be told.
    attempts: Annotated[list[int], operator.add]
    inner: list[str]


class Inner(TypedDict, total=False):
    folder: str
    request: str
    inner: Annotated[list[str], operator.add]


class Ticks(TypedDict, total=False):
    folder: str
    request: str
    left: int


async def _act(state: Any, config: RunnableConfig, node: str, request: str | None = None) -> int:
    folder = Path(state["folder"])
    attempt = int(config["metadata"]["run_attempt"])
    line = {
        "request": request or state["request"],
        "thread": config["configurable"]["thread_id"],
        "run": config["metadata"]["run_id"],
        "node": node,
        "attempt": attempt,
        "worker": os.environ["CHAOS_WORKER"],
        "at": time.time(),
    }
    append(folder / "journal", line)
    await asyncio.sleep(random.uniform(0, _LONGEST_NODE_SECONDS))
    await asyncio.to_thread(_store_once, folder / "effects.sqlite", line)
    _tell(folder / "returning")
    return attempt


def append(path: Path, line: dict[str, Any]) -> None:
    """One write on a file opened for appending: lines of processes never mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def _store_once(path: Path, line: dict[str, Any]) -> None:
    """The keyed effect: run and node are the key under which it happens once.

    A process that is stopped here, for a minute, keeps the file locked for all others.
    """
    with closing(sqlite3.connect(path, timeout=300, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO effects (run, node, request) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (line["run"], line["node"], line["request"]),
        )


def _tell(address: Path) -> None:
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
        teller.setblocking(False)
        teller.sendto(os.environ["CHAOS_WORKER"].encode(), str(address))


def _make_node(name: str) -> Any:
    async def act(state: State, config: RunnableConfig) -> State:
        return {"done": [name], "attempts": [await _act(state, config, name)]}

    return act


def _make_inner_node(name: str) -> Any:
    async def act(state: Inner, config: RunnableConfig) -> Inner:
        await _act(state, config, name)
        return {"inner": [name]}

    return act


async def ask(state: State, config: RunnableConfig) -> State:
    answer = interrupt("go on?")
    attempt = await _act(state, config, "ask", answer["request"])
    return {"done": ["ask"], "attempts": [attempt], "request": answer["request"]}


def build_graph(checkpointer: Any = None) -> Any:
    """plan; left beside a subgraph of right_a, right_b; join; ask (interrupts); finish."""
    inner = StateGraph(Inner)
    inner.add_node("right_a", _make_inner_node("right_a"))
    inner.add_node("right_b", _make_inner_node("right_b"))
    inner.add_edge(START, "right_a")
    inner.add_edge("right_a", "right_b")
    inner.add_edge("right_b", END)
    graph = StateGraph(State)
    for name in ("plan", "left", "join", "finish"):
        graph.add_node(name, _make_node(name))
    graph.add_node("right", inner.compile())
    graph.add_node("ask", ask)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "left")
    graph.add_edge("plan", "right")
    graph.add_edge(["left", "right"], "join")
    graph.add_edge("join", "ask")
    graph.add_edge("ask", "finish")
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer)


def build_ticks(checkpointer: Any = None) -> Any:
    """One node, again and again, a few tens of a second each: for measuring how soon it goes on."""

    async def tick(state: Ticks, config: RunnableConfig) -> Ticks:
        await _act(state, config, "tick")
        return {"left": state["left"] - 1}

    graph = StateGraph(Ticks)
    graph.add_node("tick", tick)
    graph.add_edge(START, "tick")
    graph.add_conditional_edges("tick", lambda state: "tick" if state["left"] > 0 else END)
    return graph.compile(checkpointer=checkpointer)
