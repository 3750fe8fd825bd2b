"""Build one graph from one registry row, and say in one sentence why it cannot be built."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import importlib.util
import inspect
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore

from graphwarden.api.registry import Row
from graphwarden.worker.factories import Access, Factory, NotAFactory, make_factory, takes_access

Checkpointer = BaseCheckpointSaver[Any]


_CANDIDATES_SHOWN = 8
_FOREIGN = (".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".tsx", ".jsx")


class LoadReason:
    """Why a graph is not loaded; the operator copies these into the `Loaded` condition."""

    PENDING: Final = "Pending"
    IMPORT_ERROR: Final = "ImportError"
    ATTRIBUTE_MISSING: Final = "AttributeMissing"
    BUILDER_FAILED: Final = "BuilderFailed"
    NOT_A_GRAPH: Final = "NotAGraph"
    STORAGE_MISSING: Final = "StorageMissing"


class LoadFailure(Exception):
    """A graph that cannot be built: a reason for programs, a sentence for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """A graph that can be called, and the row it was built from."""

    row: Row
    # What the graph is for whoever only looks; a factory makes another one for each access.
    pregel: Pregel[Any, Any, Any, Any]
    factory: Factory | None = None
    saver: Checkpointer | None = None
    items: BaseStore | None = None

    def open(
        self, access: Access, config: RunnableConfig | None = None, context: Any = None
    ) -> AbstractAsyncContextManager[Pregel[Any, Any, Any, Any]]:
        """The graph for one access. Only a factory makes work of it."""
        if self.factory is None:
            return nullcontext(self.pregel)
        return self._make(self.factory, access, config or {}, context)

    @asynccontextmanager
    async def _make(
        self, factory: Factory, access: Access, config: RunnableConfig, context: Any
    ) -> AsyncIterator[Pregel[Any, Any, Any, Any]]:
        async with factory.open(access, config, context, self.items) as made:
            pregel = _finish(self.row, made, self.saver)
            if self.items is not None and pregel.store is None:
                pregel = pregel.copy({"store": self.items})
            yield pregel

    @property
    def has_context_schema(self) -> bool:
        """Whether the graph declares a runtime context; older ones read `configurable`."""
        return getattr(self.pregel, "context_schema", None) is not None


def give_items(graph: LoadedGraph, items: BaseStore | None) -> LoadedGraph:
    """The graph with the pool's store, unless it was built with one of its own."""
    if items is None or graph.pregel.store is not None:
        return replace(graph, items=items)
    return replace(graph, pregel=graph.pregel.copy({"store": items}), items=items)


async def load_graph(row: Row, checkpointer: Checkpointer | None) -> LoadedGraph:
    """Import, find and build the graph of one row.

    The module and a plain builder run in a thread of their own, so that a slow import keeps
    nobody waiting; an asynchronous builder runs on the event loop.

    Raises:
        LoadFailure: with one of `LoadReason`.
    """
    if row.resumable and checkpointer is None:
        raise LoadFailure(
            LoadReason.STORAGE_MISSING,
            "the graph is resumable and this pool has no database in reach: "
            "name one in the GraphPool's spec.storage or set resumable: false",
        )
    saver = checkpointer if row.resumable else None
    built = await _in_thread(lambda: _find_and_build(row, saver))
    if isinstance(built, Factory):
        return await _look_at(row, built, saver)
    if inspect.isawaitable(built):
        built = await _await_builder(row, built)
    return LoadedGraph(row, _finish(row, built, saver))


async def _look_at(row: Row, factory: Factory, saver: Checkpointer | None) -> LoadedGraph:
    """Call a factory once, as somebody who only looks: whether it works at all shows now."""
    try:
        async with factory.open("assistants.read", {}, None, None) as made:
            return LoadedGraph(row, _finish(row, made, saver), factory, saver)
    except (LoadFailure, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise _builder_failed(row, error) from error


def _find_and_build(row: Row, saver: Checkpointer | None) -> Any:
    name, _, attribute = row.module.partition(":")
    module = _import(name)
    if row.builder_attr is None or attribute:
        found = _find(row, module, attribute or row.compiled_attr, "compiledAttr")
        return _make_factory(row, found) if _is_function(found) else found
    builder = _find(row, module, row.builder_attr, "builderAttr")
    if isinstance(builder, Pregel | StateGraph):
        return builder
    if not callable(builder):
        raise LoadFailure(
            LoadReason.BUILDER_FAILED,
            f"{row.module}.{row.builder_attr} is {_describe(builder)}; a builder is "
            "callable(checkpointer=None) and returns a graph",
        )
    if not _takes_checkpointer(builder) and takes_access(builder):
        return _make_factory(row, builder)
    return _call_builder(row, builder, saver)


def _is_function(found: Any) -> bool:
    return callable(found) and not isinstance(found, Pregel | StateGraph)


def _make_factory(row: Row, function: Callable[..., Any]) -> Factory:
    try:
        return make_factory(function)
    except NotAFactory as error:
        message = f"{row.module}: the function cannot make a graph: {error}"
        raise LoadFailure(LoadReason.BUILDER_FAILED, message) from error


def _import(module: str) -> Any:
    if module.endswith(_FOREIGN):
        message = f"{module} is a JavaScript graph; this server runs Python graphs"
        raise LoadFailure(LoadReason.IMPORT_ERROR, message)
    try:
        if module.endswith(".py") or "/" in module:
            return _import_file(Path(module))
        return importlib.import_module(module)
    # A module may raise anything while it is imported, SystemExit included.
    except BaseException as error:
        message = f"cannot import {module}: {_describe_error(error)}"
        raise LoadFailure(LoadReason.IMPORT_ERROR, message) from error


def _import_file(path: Path) -> Any:
    """The module of a file, once; a relative path starts at the first folder of the import path."""
    place = path if path.is_absolute() else Path(sys.path[0]) / path
    name = "graphwarden_file_" + hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None or not place.is_file():
        raise FileNotFoundError(f"there is no Python file {place}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _find(row: Row, module: Any, attribute: str, field: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError:
        message = f"module {row.module} has no attribute {attribute!r} (spec.{field})"
        candidates = _list_candidates(module)
        if candidates:
            message += f"; it has {', '.join(candidates)}"
        raise LoadFailure(LoadReason.ATTRIBUTE_MISSING, message) from None


def _list_candidates(module: Any) -> list[str]:
    """The graphs and the builders of a module, as far as names and types show them."""
    return sorted(
        name
        for name, value in vars(module).items()
        if isinstance(value, Pregel | StateGraph) or (name.startswith("build") and callable(value))
    )[:_CANDIDATES_SHOWN]


def _call_builder(row: Row, builder: Callable[..., Any], saver: Checkpointer | None) -> Any:
    try:
        if _takes_checkpointer(builder):
            return builder(checkpointer=saver)
        return builder()
    except BaseException as error:
        raise _builder_failed(row, error) from error


async def _await_builder(row: Row, pending: Any) -> Any:
    try:
        return await pending
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        raise _builder_failed(row, error) from error


def _builder_failed(row: Row, error: BaseException) -> LoadFailure:
    message = f"{row.module}.{row.builder_attr} failed: {_describe_error(error)}"
    return LoadFailure(LoadReason.BUILDER_FAILED, message)


def _takes_checkpointer(builder: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(builder).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.name == "checkpointer" or p.kind is p.VAR_KEYWORD for p in parameters)


def _finish(row: Row, built: Any, saver: Checkpointer | None) -> Pregel[Any, Any, Any, Any]:
    if isinstance(built, StateGraph):
        try:
            return built.compile(checkpointer=saver, name=row.assistant_id)
        except Exception as error:
            raise _builder_failed(row, error) from error
    if not isinstance(built, Pregel):
        attribute = row.builder_attr or row.compiled_attr
        raise LoadFailure(
            LoadReason.NOT_A_GRAPH,
            f"{row.module}.{attribute} gave {_describe(built)}; expected a compiled LangGraph "
            "graph or a StateGraph",
        )
    if saver is not None and built.checkpointer is None:
        # A builder that overlooks its argument must not make a resumable graph forgetful.
        return built.copy({"checkpointer": saver})
    return built


def _describe(value: Any) -> str:
    return f"{value!r}" if value is None else f"an object of type {type(value).__name__}"


def _describe_error(error: BaseException) -> str:
    """Type, text, and the place: the innermost frame outside the import machinery."""
    text = " ".join(str(error).split())[:300]
    words = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{words} ({_shorten(error.filename)}:{error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename != __file__
    ]
    outside = [f for f in frames if "importlib" not in f.filename]
    if not outside:
        return words
    return f"{words} ({_shorten(outside[-1].filename)}:{outside[-1].lineno})"


def _shorten(filename: str) -> str:
    return "/".join(Path(filename).parts[-3:])


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Run `work` in a daemon thread of its own: an import that never ends blocks no other."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        try:
            outcome: tuple[Any, BaseException | None] = (work(), None)
        except LoadFailure as failure:
            outcome = (None, failure)
        except BaseException as error:
            outcome = (None, LoadFailure(LoadReason.BUILDER_FAILED, _describe_error(error)))
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="load-graph", daemon=True).start()
    return await future
