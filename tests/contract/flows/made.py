"""Graphs that are made in every way that LangGraph's own server knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from langgraph_sdk.runtime import ServerRuntime


class State(TypedDict, total=False):
    foo: str
    asks: bool


def _saying(word: str) -> Any:
    def say(state: State) -> State:
        answer = interrupt("go on?") if state.get("asks") else ""
        return {"foo": f"{state['foo']} {word}{answer}"}

    graph = StateGraph(State)
    graph.add_node("say", say)
    graph.add_edge(START, "say")
    graph.add_edge("say", END)
    return graph


uncompiled = _saying("uncompiled")
compiled = _saying("compiled").compile()


def by_config(config: RunnableConfig) -> Any:
    return _saying(str((config.get("configurable") or {}).get("tone", "untoned")))


async def by_runtime(runtime: ServerRuntime) -> Any:
    return _saying(runtime.access_context).compile()


def by_both(runtime: ServerRuntime[Any], config: RunnableConfig) -> Any:
    known = runtime.execution_runtime is not None
    return _saying(f"{known} {bool(config)}")


def by_nothing() -> Any:
    return _saying("nothing")


@contextmanager
def in_context(config: RunnableConfig) -> Iterator[Any]:
    yield _saying("context")


@asynccontextmanager
async def in_async_context(runtime: ServerRuntime) -> AsyncIterator[Any]:
    yield _saying("async context")


def by_something_else(database: object) -> Any:
    return _saying("never")


def failing(config: RunnableConfig) -> Any:
    if (config.get("configurable") or {}).get("graph_id"):
        raise RuntimeError("no tools today")
    return _saying("failing")


@entrypoint()
async def work(words: list[str]) -> str:
    answer = interrupt("go on?") if "ask" in words else "unasked"
    return f"{' '.join(words)} {answer}"
