"""The state at a checkpoint of a graph that is not here, from the checkpoint alone. Pure.

A thread may have run graphs of several pools, and its history is theirs together. Without the graph
its channels and edges are unknown; but the values are stored by name, a node that comes next is a
channel `branch:to:NODE` it has not seen, and what a node asked or how it failed is in its writes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from graphwarden.worker.encoding import render_interrupt
from graphwarden.worker.snapshots import render_checkpoint

_NEXT = "branch:to:"
_INTERNAL = ("__", "branch:", "start:", "join:")
_START = "__start__"
_INTERRUPT, _ERROR = "__interrupt__", "__error__"


def render_foreign(found: CheckpointTuple, seen_by_another: Any) -> dict[str, Any]:
    """One ThreadState.

    Args:
        found: the checkpoint.
        seen_by_another: the values as another graph of the thread reads them: what it knows of
            keys that nobody has set.
    """
    defaults = seen_by_another if isinstance(seen_by_another, dict) else {}
    checkpoint = found.checkpoint
    names = _find_next(found)
    tasks = _make_tasks(found, names)
    place, parent = render_checkpoint(found.config), render_checkpoint(found.parent_config)
    return {
        "values": {
            **defaults,
            **{
                name: value
                for name, value in checkpoint["channel_values"].items()
                if not name.startswith(_INTERNAL)
            },
        },
        "next": names,
        "tasks": tasks,
        "metadata": found.metadata,
        "created_at": checkpoint["ts"],
        "checkpoint": place,
        "parent_checkpoint": parent,
        "interrupts": [interrupt for task in tasks for interrupt in task["interrupts"]],
        "checkpoint_id": place and place.get("checkpoint_id"),
        "parent_checkpoint_id": parent and parent.get("checkpoint_id"),
    }


def _find_next(found: CheckpointTuple) -> list[str]:
    if _START in found.checkpoint["channel_values"]:
        return [_START]
    versions, seen = found.checkpoint["channel_versions"], found.checkpoint["versions_seen"]
    names = []
    for channel in sorted(found.checkpoint["channel_values"]):
        if not channel.startswith(_NEXT):
            continue
        name = channel.removeprefix(_NEXT)
        last = seen.get(name, {}).get(channel)
        now = versions.get(channel)
        if now is not None and (last is None or now > last):  # type: ignore[operator]
            names.append(name)
    return names


def _make_tasks(found: CheckpointTuple, names: list[str]) -> list[dict[str, Any]]:
    told: defaultdict[str, dict[str, Any]] = defaultdict(lambda: {"interrupts": [], "error": None})
    for task_id, channel, value in found.pending_writes or ():
        if channel == _INTERRUPT:
            told[task_id]["interrupts"] += [render_interrupt(one) for one in value]
        elif channel == _ERROR:
            told[task_id]["error"] = str(value)
    # Which task is which node's is the graph's to say, but where there is only one.
    sole = names[0] if len(names) == 1 else ""
    tasks = [_make_task(task_id, sole, **what) for task_id, what in told.items()]
    if not tasks:
        tasks = [_make_task("", name, [], None) for name in names]
    return tasks


def _make_task(
    task_id: str, name: str, interrupts: list[dict[str, Any]], error: str | None
) -> dict[str, Any]:
    return {
        "id": task_id,
        "name": name,
        "path": ["__pregel_pull", name] if name else [],
        "error": error,
        "interrupts": interrupts,
        "checkpoint": None,
        "state": None,
        "result": None,
    }
