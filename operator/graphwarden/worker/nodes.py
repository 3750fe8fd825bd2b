"""Every node of every graph, each attempt of it, told to the run that it belongs to.

All of LangGraph's tasks are run by two functions, one for graphs that are awaited and one for
those that are not: nodes, branches of a fan-out by `Send`, nodes of subgraphs, tasks of the
functional API, and each of them again when its retry policy says so. What those two functions call
once per attempt is wrapped here. No graph is changed, and a node finds the same context as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextvars import Token
from dataclasses import replace
from types import TracebackType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.constants import START
from langgraph.errors import GraphBubbleUp, GraphInterrupt, NodeTimeoutError
from langgraph.pregel import _retry, _runner
from langgraph.types import PregelExecutableTask

from graphwarden.telemetry import logs
from graphwarden.worker import observer
from graphwarden.worker.observer import RunWatch
from graphwarden.worker.spans import WorkerSpan, find_place

logger = logging.getLogger(__name__)

# It quotes the message of what went wrong, and messages quote what people wrote.
logging.getLogger("langgraph.pregel._retry").setLevel(logging.WARNING)


class _Watched:
    """What a task does in one attempt, with the attempts counted."""

    __slots__ = ("_attempts", "_task", "_watch")

    def __init__(self, task: PregelExecutableTask, watch: RunWatch) -> None:
        self._task = task
        self._watch = watch
        self._attempts = 0

    def invoke(self, value: Any, config: RunnableConfig) -> Any:
        with self._begin():
            return self._task.proc.invoke(value, config)

    async def ainvoke(self, value: Any, config: RunnableConfig) -> Any:
        with self._begin():
            return await self._task.proc.ainvoke(value, config)

    async def astream(self, value: Any, config: RunnableConfig) -> AsyncIterator[Any]:
        with self._begin():
            async for chunk in self._task.proc.astream(value, config):
                yield chunk

    def _begin(self) -> _Attempt:
        self._attempts += 1
        return _Attempt(self._task, self._watch, self._attempts)


class _Attempt:
    """One attempt of one node, for as long as the block lasts."""

    __slots__ = ("_began", "_fields", "_inside", "_number", "_span", "_task", "_watch")

    def __init__(self, task: PregelExecutableTask, watch: RunWatch, number: int) -> None:
        self._task, self._watch, self._number = task, watch, number
        self._span: WorkerSpan | None = None
        self._fields: Token[Mapping[str, Any]] | None = None
        self._inside: Token[bool] | None = None
        self._began = 0.0

    def __enter__(self) -> None:
        task, spans, run = self._task, self._watch.spans, self._watch.span
        self._fields = logs.fields.set({**logs.fields.get(), "node": task.name})
        self._inside = observer.in_node.set(True)
        if spans is not None and run is not None and run.is_recorded:
            told = _describe(task, self._number, self._watch.assistant_id)
            self._span = spans.begin(f"invoke_node {task.name}", told)
            if spans.content is not None:
                self._span.set({"langgraph.node.input": spans.content.render(task.input)})
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._began
        outcome = self._judge(error, seconds)
        span = self._span
        watch = self._watch
        watch.metrics.node_ended(watch.assistant_id, self._task.name, outcome, seconds, span)
        if outcome == "error" and error is not None:
            self._tell(error)
        if span is not None:
            self._close(span, outcome, error)
        # A stream that nobody reads to its end is closed wherever it is found.
        with contextlib.suppress(ValueError):
            if self._fields is not None and self._inside is not None:
                logs.fields.reset(self._fields)
                observer.in_node.reset(self._inside)

    def _judge(self, error: BaseException | None, seconds: float) -> str:
        if isinstance(error, GraphInterrupt):
            return "interrupted"
        if error is None or isinstance(error, GraphBubbleUp):
            return "success"
        if isinstance(error, asyncio.CancelledError):
            return "error" if self._ran_out_of_time(seconds) else "cancelled"
        return "error"

    def _ran_out_of_time(self, seconds: float) -> bool:
        """Whether LangGraph ended the attempt because of the node's own timeout."""
        policy = self._task.timeout
        limits = () if policy is None else (policy.run_timeout, policy.idle_timeout)
        return any(seconds >= _retry._timeout_secs(one) for one in limits if one is not None)

    def _tell(self, error: BaseException) -> None:
        told = {"error": _name(error), "place": find_place(error)[0], "attempt": self._number}
        logger.info("node failed", extra=told)

    def _close(self, span: WorkerSpan, outcome: str, error: BaseException | None) -> None:
        if isinstance(error, GraphInterrupt):
            self._tell_interrupts(span, error)
        elif outcome == "error" and error is not None:
            place, line = find_place(error)
            span.set({"code.file.path": place, "code.line.number": line})
            span.fail(_name(error))
        elif outcome == "cancelled":
            span.set({"graphwarden.outcome": "cancelled"})
        content = self._watch.spans.content if self._watch.spans is not None else None
        if content is not None and outcome == "success":
            written = {k: v for k, v in self._task.writes if not k.startswith(("branch:", "__"))}
            span.set({"langgraph.node.output": content.render(written)})
        span.end()

    def _tell_interrupts(self, span: WorkerSpan, error: GraphInterrupt) -> None:
        """What the node waits for is an event of it, and of no node around it."""
        span.set({"graphwarden.outcome": "interrupted"})
        for one in error.args[0] if error.args else ():
            if one.id in self._watch.interrupts:
                continue
            self._watch.interrupts.add(one.id)
            self._watch.waits_in = span.header
            value = one.value
            due = value.get("wake_at") if isinstance(value, dict) else None
            told = {"interrupt.id": one.id}
            # A time and nothing else: the rest of the value is what people read and wrote.
            if isinstance(due, int | float | str) and len(str(due)) <= _LONGEST_TIME:
                told["wake_at"] = str(due)
            span.event("langgraph.interrupt", told)


_LONGEST_TIME = 40


def _name(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return NodeTimeoutError.__name__
    return type(error).__name__


def _describe(task: PregelExecutableTask, attempt: int, assistant_id: str) -> dict[str, Any]:
    metadata = task.config.get("metadata") or {}
    told: dict[str, Any] = {
        "gen_ai.operation.name": "invoke_node",
        "graphspec.assistant_id": assistant_id,
        "langgraph.node": task.name,
        "langgraph.task.attempt": attempt,
    }
    step = metadata.get("langgraph_step")
    if isinstance(step, int):
        told["langgraph.step"] = step
    if len(task.path) > 1 and task.path[0] == "__pregel_push" and isinstance(task.path[1], int):
        told["langgraph.task.index"] = task.path[1]
    return told


def _watch_task(task: PregelExecutableTask) -> PregelExecutableTask:
    watch = observer.current.get()
    if watch is None or task.name == START:
        # How LangGraph takes in the input is no node of anybody's.
        return task
    return replace(task, proc=_Watched(task, watch))  # type: ignore[arg-type]


def watch_nodes() -> None:
    """Have LangGraph's tasks told to their runs. Calling it again changes nothing."""
    runner: Any = _runner
    if runner.run_with_retry is not _retry.run_with_retry:
        return

    @functools.wraps(_retry.run_with_retry)
    def run_with_retry(task: PregelExecutableTask, *args: Any, **kwargs: Any) -> None:
        return _retry.run_with_retry(_watch_task(task), *args, **kwargs)

    @functools.wraps(_retry.arun_with_retry)
    async def arun_with_retry(task: PregelExecutableTask, *args: Any, **kwargs: Any) -> None:
        return await _retry.arun_with_retry(_watch_task(task), *args, **kwargs)

    runner.run_with_retry = run_with_retry
    runner.arun_with_retry = arun_with_retry
