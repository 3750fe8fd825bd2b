"""Graphs that are made anew for every access, as LangGraph's own server knows them.

A factory takes a `RunnableConfig`, a `ServerRuntime`, both or neither, told apart by their
annotations, and gives a graph: at once, by awaiting, or as a context that is left when the access
is over. A function that takes `checkpointer` is no factory but a builder, called once.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_origin, get_type_hints

from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore

Access = Literal["threads.create_run", "threads.update", "threads.read", "assistants.read"]


class NotAFactory(TypeError):
    """A function whose arguments nobody here can give."""


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that makes a graph, and how its arguments are to be given."""

    function: Callable[..., Any]
    wishes: tuple[tuple[str, Literal["config", "runtime"]], ...]

    @asynccontextmanager
    async def open(
        self, access: Access, config: RunnableConfig, context: Any, items: BaseStore | None
    ) -> AsyncIterator[Any]:
        """What the function makes, for as long as it is used."""
        given = {
            name: config if kind == "config" else make_runtime(access, context, items)
            for name, kind in self.wishes
        }
        made = self.function(**given)
        if inspect.isawaitable(made):
            made = await made
        if isinstance(made, AbstractAsyncContextManager):
            async with made as graph:
                yield graph
        elif isinstance(made, AbstractContextManager):
            with made as graph:
                yield graph
        else:
            yield made


def make_factory(function: Callable[..., Any]) -> Factory:
    """The factory behind a function.

    Raises:
        NotAFactory: it needs an argument that is neither configuration nor runtime.
    """
    wishes: list[tuple[str, Literal["config", "runtime"]]] = []
    hints = _read_hints(function)
    for parameter in inspect.signature(function).parameters.values():
        kind = _find_kind(parameter, hints.get(parameter.name))
        if kind is not None:
            wishes.append((parameter.name, kind))
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        ):
            raise NotAFactory(
                f"its argument {parameter.name!r} is neither a RunnableConfig nor a ServerRuntime"
            )
    return Factory(function, tuple(wishes))


def takes_access(function: Callable[..., Any]) -> bool:
    """Whether a function asks for configuration or runtime: then it is called for every access."""
    try:
        return bool(make_factory(function).wishes)
    except (NotAFactory, TypeError, ValueError):
        return False


def make_runtime(access: Access, context: Any, items: BaseStore | None) -> Any:
    """LangGraph's ServerRuntime for one access."""
    # Imported here: few graphs ask for it, and it takes its time.
    from langgraph.store.memory import InMemoryStore
    from langgraph_sdk import runtime

    store = items if items is not None else InMemoryStore()
    if access == "threads.create_run":
        return runtime._ExecutionRuntime(access_context=access, store=store, context=context)
    return runtime._ReadRuntime(access_context=access, store=store)


def _read_hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return get_type_hints(target)
    except (NameError, TypeError):
        return dict(getattr(target, "__annotations__", {}))


def _find_kind(parameter: inspect.Parameter, hint: Any) -> Literal["config", "runtime"] | None:
    if hint is None:
        # LangGraph's own server gives its configuration to a lone argument without a word.
        return "config" if parameter.name == "config" else None
    if hint is RunnableConfig or hint == "RunnableConfig":
        return "config"
    origin = get_origin(hint) or hint
    name = origin if isinstance(origin, str) else getattr(origin, "__name__", "")
    if str(name).split("[")[0] == "ServerRuntime":
        return "runtime"
    if str(name).split("[")[0] in ("_ExecutionRuntime", "_ReadRuntime"):
        return "runtime"
    return None
