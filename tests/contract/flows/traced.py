"""A graph of two pools that does everything a trace has to show: one user action, one tree."""

from __future__ import annotations

import operator
import os
from typing import Annotated, Any, TypedDict

import httpx
from langgraph.graph import END, START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import RetryPolicy, Send, interrupt
from opentelemetry import trace

_tracer = trace.get_tracer("flows.traced")


class State(TypedDict, total=False):
    foo: str
    log: Annotated[list[str], operator.add]


def lookup(state: State) -> State:
    with _tracer.start_as_current_span("SELECT contacts", kind=trace.SpanKind.CLIENT):
        return {"log": ["lookup"]}


async def visit(state: State) -> State:
    """Call a site that is none of ours, and one that is."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in os.environ.get("GRAPHWARDEN_TESTS_SITES", "").split():
            await client.get(url)
    return {"log": ["visit"]}


_failed: set[str] = set()


def flaky(state: State) -> State:
    """Fail once."""
    if state["foo"] not in _failed:
        _failed.add(state["foo"])
        raise ConnectionError(f"{state['foo']} is not in reach")
    return {"log": ["flaky"]}


def score(state: State) -> State:
    return {"log": ["score"]}


def spread(state: State) -> list[Send]:
    return [Send("score", {"foo": state["foo"]}) for _ in range(2)]


def ask(state: State) -> State:
    return {"log": [interrupt({"question": state["foo"]})]}


def build_traced(checkpointer: Any = None) -> Any:
    """lookup, visit, flaky (twice), score (two, side by side), sub.ask, far (the other pool)."""
    inner = StateGraph(State)
    inner.add_node("ask", ask)
    inner.add_edge(START, "ask")
    graph = StateGraph(State)
    graph.add_node("lookup", lookup)
    graph.add_node("visit", visit)
    graph.add_node("flaky", flaky, retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
    graph.add_node("score", score)
    graph.add_node("sub", inner.compile())
    graph.add_node("far", RemoteGraph("kept", url=os.environ["GRAPHWARDEN_TESTS_ROUTER_URL"]))
    graph.add_edge(START, "lookup")
    graph.add_edge("lookup", "visit")
    graph.add_edge("visit", "flaky")
    graph.add_conditional_edges("flaky", spread, ["score"])
    graph.add_edge("score", "sub")
    graph.add_edge("sub", "far")
    graph.add_edge("far", END)
    return graph.compile(checkpointer=checkpointer)


def fail(state: State) -> State:
    """Fail with a message that tells everything."""
    raise ValueError(f"cannot read {state['foo']}")


def build_quoting(checkpointer: Any = None) -> Any:
    """One node, which fails."""
    graph = StateGraph(State)
    graph.add_node("fail", fail)
    graph.add_edge(START, "fail")
    return graph.compile(checkpointer=checkpointer)
