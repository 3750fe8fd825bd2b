"""Graphs that call graphs of this fleet from their nodes. Pure.

LangGraph's RemoteGraph, as a node, asks for its run on the thread of the run that calls it. That
thread is owned by the caller, which waits for the answer: the two would wait for each other. So
such a run gets a thread of its own, which follows from the caller's thread and task: the same
task, run again after an interrupt or a lost worker, finds its thread again.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from graphwarden.worker.requests import RunRequest

_NAMESPACE = uuid.UUID("5b0a4b0e-6f0c-5d0f-9d64-6772617068ff")
_CALLERS_OWN = ("run_id", "graph_id", "assistant_id", "thread_id")


def find_calling_run(request: RunRequest) -> str | None:
    """The run whose configuration came with the request, where one did."""
    found = (request.config.get("configurable") or {}).get("run_id")
    return found if isinstance(found, str) else None


def make_nested_thread_id(thread_id: str, request: RunRequest) -> str:
    """The thread of a run that a task of another thread calls."""
    metadata = request.config.get("metadata") or {}
    task = metadata.get("langgraph_checkpoint_ns") or ""
    return str(uuid.uuid5(_NAMESPACE, f"{thread_id}\n{request.assistant_id}\n{task}"))


def nest_request(
    request: RunRequest, caller_thread_id: str, caller_kwargs: dict[str, Any], *, waits: bool
) -> RunRequest:
    """The request as the nested run gets it.

    Args:
        request: as it came, with the caller's configuration in it.
        caller_thread_id: the thread of the caller.
        caller_kwargs: what the caller itself was asked.
        waits: whether the nested thread waits for an answer. What the caller was resumed with is
            the answer then, as it is for a graph in the same process.
    """
    config = {name: value for name, value in request.config.items() if name != "metadata"}
    configurable = config.get("configurable") or {}
    config["configurable"] = {k: v for k, v in configurable.items() if k not in _CALLERS_OWN}
    changed = replace(
        request,
        config=config,
        metadata={**request.metadata, "parent_thread_id": caller_thread_id},
        if_not_exists="create",
    )
    answer = (caller_kwargs.get("command") or {}).get("resume")
    if waits and request.command is None and answer is not None:
        return replace(changed, input=None, command={"resume": answer})
    return changed
