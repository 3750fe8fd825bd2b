"""Small graphs that are not resumable, each for one behaviour of the server."""

from __future__ import annotations

import operator
import time
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt


class State(TypedDict, total=False):
    foo: str
    log: Annotated[list[str], operator.add]


@dataclass
class Tone:
    tone: str = "plain"


def _append(letter: str) -> Any:
    def node(state: State) -> State:
        return {"foo": state["foo"] + letter, "log": [letter]}

    return node


def _with_progress(state: State) -> State:
    get_stream_writer()({"progress": 1})
    return {"foo": state["foo"] + "a", "log": ["a"]}


def _chain(**nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(State)
    before = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def build_echo(checkpointer: Any = None) -> Any:
    """Two nodes; the first reports progress."""
    return _chain(a=_with_progress, b=_append("b")).compile(checkpointer=checkpointer, name="echo")


def build_uncompiled(checkpointer: Any = None) -> Any:
    """A StateGraph that nobody compiled."""
    return _chain(a=_append("a"))


async def build_later(checkpointer: Any = None) -> Any:
    """An asynchronous builder."""
    return build_echo(checkpointer)


def _fail(state: State) -> State:
    raise ValueError("kaboom")


def build_failing(checkpointer: Any = None) -> Any:
    """Fails in its second node."""
    return _chain(b=_append("b"), fails=_fail).compile(checkpointer=checkpointer)


def _sleep(state: State) -> State:
    time.sleep(float(state["foo"]))
    return {"foo": "slept", "log": ["slow"]}


def build_slow(checkpointer: Any = None) -> Any:
    """A synchronous node that blocks for as many seconds as `foo` says."""
    return _chain(slow=_sleep).compile(checkpointer=checkpointer)


def _ask(state: State) -> State:
    answer = interrupt({"q": "ok?"})
    return {"foo": state["foo"] + str(answer), "log": ["asked"]}


def build_asking(checkpointer: Any = None) -> Any:
    """Stops at an interrupt."""
    return _chain(b=_append("b"), ask=_ask).compile(checkpointer=checkpointer)


def build_parent(checkpointer: Any = None) -> Any:
    """A graph with a subgraph."""
    inner = _chain(inner=_append("b")).compile()
    return _chain(a=_append("a"), sub=inner).compile(checkpointer=checkpointer)


def build_looping(checkpointer: Any = None) -> Any:
    """Never ends by itself."""
    graph = StateGraph(State)
    graph.add_node("again", lambda state: {"log": ["again"]})
    graph.add_edge(START, "again")
    graph.add_edge("again", "again")
    return graph.compile(checkpointer=checkpointer)


def build_toned(checkpointer: Any = None) -> Any:
    """Answers with its runtime context."""

    def speak(state: State, runtime: Runtime[Tone]) -> State:
        return {"foo": runtime.context.tone}

    graph = StateGraph(State, context_schema=Tone)
    graph.add_node("speak", speak)
    graph.add_edge(START, "speak")
    return graph.compile(checkpointer=checkpointer)


def build_chat(checkpointer: Any = None) -> Any:
    """A model that streams its answer word by word."""
    words = AIMessage("hello brave new world", id="ai-1")

    async def talk(state: MessagesState) -> dict[str, Any]:
        model = GenericFakeChatModel(messages=iter([words]))
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("chat", talk)
    graph.add_edge(START, "chat")
    return graph.compile(checkpointer=checkpointer)


def build_quitting(checkpointer: Any = None) -> Any:
    """A node that tries to end the process."""

    def leave(state: State) -> State:
        raise SystemExit(3)

    return _chain(leave=leave).compile(checkpointer=checkpointer)


def build_async_quitting(checkpointer: Any = None) -> Any:
    """The same in an asynchronous node."""

    async def leave(state: State) -> State:
        raise SystemExit(3)

    return _chain(leave=leave).compile(checkpointer=checkpointer)


graph = build_echo()
not_a_graph = 42


def build_nothing(checkpointer: Any = None) -> Any:
    """Returns no graph."""
    return None


def build_broken(checkpointer: Any = None) -> Any:
    """Fails while building."""
    raise KeyError("missing setting")
