"""The state of a thread as LangGraph's API shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import PregelTask, StateSnapshot

from graphwarden.worker.encoding import render_interrupt

EMPTY_STATE: Mapping[str, Any] = {
    "values": {},
    "next": [],
    "tasks": [],
    "metadata": None,
    "created_at": None,
    "checkpoint": None,
    "parent_checkpoint": None,
    "interrupts": [],
    "checkpoint_id": None,
    "parent_checkpoint_id": None,
}


def render_snapshot(snapshot: StateSnapshot) -> dict[str, Any]:
    """One ThreadState."""
    checkpoint = render_checkpoint(snapshot.config)
    parent = render_checkpoint(snapshot.parent_config)
    return {
        "values": snapshot.values,
        "next": list(snapshot.next),
        "tasks": [_render_task(task) for task in snapshot.tasks],
        "metadata": snapshot.metadata,
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "interrupts": [render_interrupt(interrupt) for interrupt in snapshot.interrupts],
        "checkpoint_id": checkpoint and checkpoint.get("checkpoint_id"),
        "parent_checkpoint_id": parent and parent.get("checkpoint_id"),
    }


def render_checkpoint(config: RunnableConfig | None) -> dict[str, Any] | None:
    """The address of a checkpoint: thread, namespace, id."""
    if config is None:
        return None
    place = config["configurable"]
    if "checkpoint_id" not in place:
        return None
    shown = {
        "thread_id": place["thread_id"],
        "checkpoint_ns": place.get("checkpoint_ns", ""),
        "checkpoint_id": place["checkpoint_id"],
    }
    if place.get("checkpoint_map"):
        shown["checkpoint_map"] = place["checkpoint_map"]
    return shown


def make_interrupts(snapshot: StateSnapshot) -> dict[str, list[dict[str, Any]]]:
    """What waits for somebody, by the id of the task that asks."""
    return {
        task.id: [render_interrupt(interrupt) for interrupt in task.interrupts]
        for task in snapshot.tasks
        if task.interrupts
    }


def _render_task(task: PregelTask) -> dict[str, Any]:
    state = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": list(task.path),
        "error": str(task.error) if task.error is not None else None,
        "interrupts": [render_interrupt(interrupt) for interrupt in task.interrupts],
        "checkpoint": dict(state["configurable"]) if isinstance(state, dict) else None,
        "state": render_snapshot(state) if isinstance(state, StateSnapshot) else None,
        "result": task.result,
    }
