"""Run a graph: its configuration, its time limit, and its end in one word."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig

from graphwarden.api import names
from graphwarden.worker import marks
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.mending import mend_langgraph
from graphwarden.worker.nodes import watch_nodes
from graphwarden.worker.observer import NOWHERE, Observer, Origin, Subject
from graphwarden.worker.requests import RunRequest
from graphwarden.worker.runs import Outcome
from graphwarden.worker.spans import find_place
from graphwarden.worker.storage.fence import RunBroken
from graphwarden.worker.stream import EventShaper, make_graph_modes, stream_events, stream_parts

logger = logging.getLogger(__name__)

mend_langgraph()
watch_nodes()

Emit = Callable[[str, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One execution of a graph. `graph_input` is None where a run goes on from a checkpoint."""

    graph: LoadedGraph
    request: RunRequest
    graph_input: Any
    run_id: str
    thread_id: str
    attempt: int = 1
    # The UUID of the assistant that was asked for; empty for the graph's own.
    assistant_id: str = ""
    origin: Origin = NOWHERE


async def execute(call: Call, observer: Observer, emit: Emit | None = None) -> Outcome:
    """Run the graph to its end. A graph's error is an outcome.

    Args:
        call: what to run.
        observer: is told of the run and its nodes.
        emit: receives the events of the requested stream modes; None for the result alone.

    Raises:
        asyncio.CancelledError: the run was stopped.
        RunBroken: it cannot go on here, through no fault of its graph.
    """
    began = time.perf_counter()
    thread_id = call.thread_id if call.graph.row.resumable else None
    subject = Subject(call.graph.row, call.run_id, thread_id, call.attempt, call.origin)
    with observer.watch(subject) as watch:
        try:
            outcome = await _execute(call, emit)
        except BaseException:
            observer.run_stopped(watch)
            raise
        return observer.end_run(watch, outcome, began)


async def _execute(call: Call, emit: Emit | None) -> Outcome:
    marks.begin(call.graph.row.assistant_id, call.run_id)
    seconds = call.graph.row.run.timeout_seconds
    try:
        async with asyncio.timeout(seconds) as deadline:
            values = await (_invoke(call) if emit is None else _stream(call, emit))
    # Nodes may raise anything, SystemExit included; the worker outlives them.
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        broken = _find_broken(error)
        if broken is not None:
            raise broken from error
        if isinstance(error, TimeoutError) and deadline.expired():
            message = f"the run took longer than the {seconds:g} s its graph is given"
            return Outcome("timeout", error={"error": "RunTimeout", "message": message})
        _log_failure(error)
        return Outcome("error", error={"error": type(error).__name__, "message": str(error)})
    return Outcome("success", values=values)


def _find_broken(error: BaseException) -> RunBroken | None:
    """What keeps a run from going on here, also where LangGraph or a node wrapped it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RunBroken):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def make_config(call: Call) -> RunnableConfig:
    """LangGraph's configuration: the caller's over the graph's own, and the ids over both."""
    row, asked = call.graph.row, call.request.config
    ids: dict[str, Any] = {
        "run_id": call.run_id,
        "graph_id": row.assistant_id,
        "assistant_id": call.assistant_id or names.assistant_uuid(row.assistant_id),
    }
    # A declared context schema takes the defaults as context. Mirroring them here as well would
    # write them, prompts and all, into the metadata of every checkpoint.
    defaults = {} if call.graph.has_context_schema else row.context
    config: RunnableConfig = {
        "run_id": uuid.UUID(call.run_id),
        "recursion_limit": asked.get("recursion_limit") or row.run.recursion_limit,
        "tags": list(asked.get("tags") or []),
        "metadata": {
            **(asked.get("metadata") or {}),
            **call.request.metadata,
            **ids,
            "run_attempt": call.attempt,
        },
        "configurable": {
            **defaults,
            **(asked.get("configurable") or {}),
            **ids,
            **call.request.checkpoint,
            "thread_id": call.thread_id,
        },
    }
    if asked.get("max_concurrency"):
        config["max_concurrency"] = asked["max_concurrency"]
    return config


def make_context(graph: LoadedGraph, request: RunRequest) -> dict[str, Any] | None:
    """The runtime context: the graph's defaults under the caller's values.

    A caller that still sends `configurable` means the context, as the reference server has it.
    None when there is nothing to say and the schema has fields that must be given.
    """
    asked = request.context
    if graph.has_context_schema and not asked:
        asked = request.config.get("configurable") or {}
        known = _context_fields(graph)
        asked = {k: v for k, v in asked.items() if known is None or k in known}
    context = {**graph.row.context, **asked}
    if context or not graph.has_context_schema:
        return context
    return {} if _needs_no_values(graph.pregel.context_schema) else None


def _needs_no_values(schema: Any) -> bool:
    try:
        schema()
    except (TypeError, ValueError):
        return False
    return True


def _context_fields(graph: LoadedGraph) -> set[str] | None:
    schema: Any = graph.pregel.context_schema
    if dataclasses.is_dataclass(schema):
        return {f.name for f in dataclasses.fields(schema)}
    annotations = getattr(schema, "__annotations__", None)
    return set(annotations) if annotations is not None else None


def _arguments(call: Call) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "context": make_context(call.graph, call.request),
        "interrupt_before": call.request.interrupt_before,
        "interrupt_after": call.request.interrupt_after,
    }
    if call.graph.pregel.checkpointer is not None:
        arguments["durability"] = call.request.durability
    return arguments


async def _invoke(call: Call) -> Any:
    config, arguments = make_config(call), _arguments(call)
    async with call.graph.open("threads.create_run", config, arguments["context"]) as pregel:
        return await pregel.ainvoke(call.graph_input, config, **arguments)


async def _stream(call: Call, emit: Emit) -> Literal[None]:
    request = call.request
    shaper = EventShaper(request.stream_modes)
    source = stream_events if "events" in request.stream_modes else stream_parts
    config, arguments = make_config(call), _arguments(call)
    async with call.graph.open("threads.create_run", config, arguments["context"]) as pregel:
        parts = source(
            pregel,
            call.graph_input,
            config,
            make_graph_modes(request.stream_modes),
            subgraphs=request.stream_subgraphs,
            **arguments,
        )
        async with contextlib.aclosing(parts):  # type: ignore[type-var]
            async for part in parts:
                for event, data in shaper.shape(part):
                    await emit(event, data)


def _log_failure(error: BaseException) -> None:
    """Where it broke, not what it said: the message of an error may quote a customer's data."""
    file, line = find_place(error)
    logger.warning("run failed", extra={"error": type(error).__name__, "place": f"{file}:{line}"})
