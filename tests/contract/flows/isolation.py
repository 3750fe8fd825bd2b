"""Graphs that do harm to the worker they run in, each in one way."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

_HELD: list[bytearray] = []
_PIECE = 4 * 1024 * 1024


class State(TypedDict, total=False):
    seconds: float
    megabytes: int
    flag: str
    done: bool


def _single(node: Callable[..., Any], checkpointer: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("harm", node)
    graph.add_edge(START, "harm")
    graph.add_edge("harm", END)
    return graph.compile(checkpointer=checkpointer)


def build_blocking(checkpointer: Any = None) -> Any:
    """Sleeps in an asynchronous node, so that the event loop does not turn."""

    async def block(state: State) -> State:
        flag = Path(state["flag"]) if "flag" in state else None
        if flag is not None and flag.exists():
            return {"done": True}
        if flag is not None:
            flag.touch()
        time.sleep(state["seconds"])
        return {"done": True}

    return _single(block, checkpointer)


def build_seizing(checkpointer: Any = None) -> Any:
    """Holds the interpreter's lock in C: no thread of Python's runs meanwhile."""

    async def seize(state: State) -> State:
        re.match(r"(a+)+$", "a" * 60 + "b")
        return {"done": True}

    return _single(seize, checkpointer)


def build_lingering(checkpointer: Any = None) -> Any:
    """A synchronous node that goes on for longer than its graph is given."""

    def linger(state: State) -> State:
        time.sleep(state["seconds"])
        return {"done": True}

    return _single(linger, checkpointer)


def build_patient(checkpointer: Any = None) -> Any:
    """Waits as it should, without blocking anybody."""

    async def wait(state: State) -> State:
        await asyncio.sleep(state["seconds"])
        return {"done": True}

    return _single(wait, checkpointer)


def build_hungry(checkpointer: Any = None) -> Any:
    """Takes more and more memory in a thread."""

    def eat(state: State) -> State:
        plate = []
        for _ in range(state["megabytes"] // 4):
            plate.append(bytearray(b"x") * _PIECE)
            time.sleep(0.02)
        time.sleep(state.get("seconds", 0))
        return {"done": bool(plate)}

    return _single(eat, checkpointer)


def build_async_hungry(checkpointer: Any = None) -> Any:
    """Takes more and more memory on the event loop, with pauses."""

    async def eat(state: State) -> State:
        plate = []
        for _ in range(state["megabytes"] // 4):
            plate.append(bytearray(b"x") * _PIECE)
            await asyncio.sleep(0.02)
        await asyncio.sleep(state.get("seconds", 0))
        return {"done": bool(plate)}

    return _single(eat, checkpointer)


def build_leaking(checkpointer: Any = None) -> Any:
    """Keeps what it took when it ends."""

    async def leak(state: State) -> State:
        for _ in range(state["megabytes"] // 4):
            _HELD.append(bytearray(b"x") * _PIECE)
            await asyncio.sleep(0.02)
        return {"done": True}

    return _single(leak, checkpointer)


def build_forking(checkpointer: Any = None) -> Any:
    """Forks in a thread, and lets the copy go on."""

    def fork(state: State) -> State:
        os.fork()
        return {"done": True}

    return _single(fork, checkpointer)


def build_async_forking(checkpointer: Any = None) -> Any:
    """The same on the event loop."""

    async def fork(state: State) -> State:
        os.fork()
        return {"done": True}

    return _single(fork, checkpointer)
