"""The graphs that the reference server ran when its transcripts were recorded, made again."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

_TICKS = 30
_TICKS_AT_ONCE = 3
# The transcripts have a tick every half second and cancel after the third. Here the fourth comes
# so late that no machine is too slow to cancel before it.
_SECONDS_TO_THE_NEXT = 30.0


class S(TypedDict, total=False):
    foo: str
    log: Annotated[list[str], operator.add]


class Ctx(TypedDict, total=False):
    who: str


class _M(GenericFakeChatModel):
    """Streams its answer word by word; its name is in the metadata of its messages."""


def a(state: S) -> S:
    get_stream_writer()({"progress": 1})
    return {"foo": state.get("foo", "") + "a", "log": ["a"]}


def b(state: S) -> S:
    return {"foo": state.get("foo", "") + "b", "log": ["b"]}


def ask(state: S) -> S:
    return {"foo": interrupt({"q": "ok?"}), "log": ["ask"]}


def fail(state: S) -> S:
    raise ValueError("kaboom")


async def tick(state: S) -> S:
    write = get_stream_writer()
    for number in range(_TICKS):
        if number >= _TICKS_AT_ONCE:
            await asyncio.sleep(_SECONDS_TO_THE_NEXT)
        write({"tick": number})
    return {"foo": "done", "log": ["slow"]}


async def chat(state: MessagesState) -> dict[str, Any]:
    model = _M(messages=iter([AIMessage("hello brave new world", id="ai-1")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


def _chain(state: Any = S, **nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(state, context_schema=Ctx if state is S else None)
    before = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def build_echo(checkpointer: Any = None) -> Any:
    return _chain(a=a, b=b).compile(checkpointer=checkpointer, name="echo")


def build_factory(checkpointer: Any = None) -> Any:
    return build_echo(checkpointer)


def build_hitl(checkpointer: Any = None) -> Any:
    return _chain(b=b, ask=ask).compile(checkpointer=checkpointer, name="hitl")


def build_err(checkpointer: Any = None) -> Any:
    return _chain(b=b, fail=fail).compile(checkpointer=checkpointer, name="err")


def build_slow(checkpointer: Any = None) -> Any:
    return _chain(b=b, slow=tick).compile(checkpointer=checkpointer, name="slow")


def build_chat(checkpointer: Any = None) -> Any:
    return _chain(MessagesState, chat=chat).compile(checkpointer=checkpointer, name="chat")


def build_parent(checkpointer: Any = None) -> Any:
    inner = StateGraph(S)
    inner.add_node("inner", b)
    inner.add_edge(START, "inner")
    inner.add_edge("inner", END)
    return _chain(a=b, sub=inner.compile()).compile(checkpointer=checkpointer, name="parent")
