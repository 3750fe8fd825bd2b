"""One row, built or refused."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from graphwarden.api.registry import Row
from graphwarden.worker.loader import LoadFailure, load_graph


class State(TypedDict):
    foo: str


def make_graph() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(State)
    graph.add_node("a", lambda state: {"foo": "a"})
    graph.add_edge(START, "a")
    return graph


async def build_async(checkpointer: Any = None) -> Any:
    return make_graph().compile(checkpointer=checkpointer)


@pytest.fixture
def make_row(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Row]:
    """A row for a module that exists for the length of a test."""

    def make(builder: Any, **row: Any) -> Row:
        module = types.ModuleType("a_flow")
        module.build_graph = builder  # type: ignore[attr-defined]
        module.graph = builder  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "a_flow", module)
        return Row(assistant_id="flow", module="a_flow", **row)

    return make


@pytest.mark.parametrize(
    "builder",
    [
        lambda checkpointer=None: make_graph().compile(checkpointer=checkpointer),
        lambda checkpointer=None: make_graph(),
        lambda checkpointer=None: make_graph().compile(),
        lambda **settings: make_graph().compile(**settings),
        lambda: make_graph(),
        build_async,
        make_graph(),
    ],
    ids=["compiled", "uncompiled", "forgetful", "keywords", "no argument", "async", "no builder"],
)
async def test_a_resumable_graph_gets_its_checkpointer(
    make_row: Callable[..., Row], builder: Any
) -> None:
    saver = InMemorySaver()
    loaded = await load_graph(make_row(builder, resumable=True), saver)
    config: Any = {"configurable": {"thread_id": "t"}}
    await loaded.pregel.ainvoke({"foo": ""}, config)
    assert saver.get_tuple(config) is not None


async def test_a_graph_that_is_not_resumable_gets_none(make_row: Callable[..., Row]) -> None:
    loaded = await load_graph(make_row(build_async), InMemorySaver())
    assert loaded.pregel.checkpointer is None


async def test_a_precompiled_graph_is_taken_as_it_is(make_row: Callable[..., Row]) -> None:
    graph = make_graph().compile()
    loaded = await load_graph(make_row(graph, builder_attr=None), None)
    assert loaded.pregel is graph


def fail(checkpointer: Any = None) -> Any:
    raise SystemExit(1)


@pytest.mark.parametrize(
    ("builder", "row", "reason", "words"),
    [
        (fail, {}, "BuilderFailed", "a_flow.build_graph failed: SystemExit: 1"),
        (42, {}, "BuilderFailed", "an object of type int; a builder is"),
        (lambda: 42, {}, "NotAGraph", "an object of type int; expected a compiled"),
        (lambda: StateGraph(State), {}, "BuilderFailed", "ValueError"),
        (42, {"builder_attr": None}, "NotAGraph", "a_flow.graph gave an object of type int"),
        (fail, {"builder_attr": "make"}, "AttributeMissing", "no attribute 'make'"),
        (fail, {"resumable": True}, "StorageMissing", "no database in reach"),
    ],
)
async def test_a_row_that_cannot_be_built_says_why(
    make_row: Callable[..., Row], builder: Any, row: dict[str, Any], reason: str, words: str
) -> None:
    with pytest.raises(LoadFailure) as failure:
        await load_graph(make_row(builder, **row), None)
    assert failure.value.reason == reason
    assert words in failure.value.message


async def test_a_module_that_is_not_there_is_an_import_error() -> None:
    with pytest.raises(LoadFailure, match="No module named 'nowhere'") as failure:
        await load_graph(Row(assistant_id="flow", module="nowhere"), None)
    assert failure.value.reason == "ImportError"
