"""What a pod's status says is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]

_ORDINARY = {"ContainerCreating", "PodInitializing"}


@dataclass(frozen=True)
class Trouble:
    """Something that keeps an object from serving."""

    reason: str
    message: str


def find_condition(body: Manifest | None, kind: str) -> Manifest:
    """A condition of an object's status; an empty one where it has none."""
    conditions = ((body or {}).get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})


def is_ready(pod: Manifest) -> bool:
    """Whether it takes calls."""
    leaving = pod["metadata"].get("deletionTimestamp")
    return not leaving and find_condition(pod, "Ready").get("status") == "True"


def find_pod_trouble(pod: Manifest) -> Trouble | None:
    """Why a pod does not run; None when it does, or is only starting."""
    scheduled = find_condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        message = scheduled.get("message") or "no node takes the pod"
        return Trouble(str(scheduled.get("reason") or "Unschedulable"), str(message))
    status = pod.get("status") or {}
    for container in [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]:
        trouble = _find_container_trouble(container)
        if trouble is not None:
            return trouble
    if status.get("phase") == "Failed":
        return Trouble(str(status.get("reason") or "Failed"), str(status.get("message") or ""))
    return None


def _find_container_trouble(container: Manifest) -> Trouble | None:
    last = (container.get("lastState") or {}).get("terminated") or {}
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason")
    if reason and reason not in _ORDINARY:
        message = str(waiting.get("message") or "")
        if last.get("reason"):
            message = f"{_describe_end(last)}; {message}".removesuffix("; ")
        return Trouble(str(reason), message)
    if last.get("reason") == "OOMKilled" and not container.get("ready"):
        return Trouble("OOMKilled", _describe_end(last))
    return None


def _describe_end(ended: Manifest) -> str:
    return f"the last one ended with {ended.get('reason')}, exit code {ended.get('exitCode', '?')}"
