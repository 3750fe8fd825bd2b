"""How far a Deployment came with its pods. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphwarden.cli.plugin.pods import Manifest, find_condition, find_pod_trouble

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class Progress:
    """A sentence for the user; `failed` when waiting longer is of no use."""

    words: str
    done: bool = False
    failed: bool = False


def make_restart(now: datetime) -> dict[str, Any]:
    """The patch that has every pod of a Deployment replaced, as `kubectl rollout restart` does."""
    annotations = {RESTARTED_AT: now.isoformat(timespec="seconds")}
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


def judge_rollout(deployment: Manifest, pods: Sequence[Manifest] = ()) -> Progress:
    """Whether all pods are of the newest template and take calls."""
    meta, status = deployment["metadata"], deployment.get("status") or {}
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return Progress("the cluster has not begun yet")
    updated, ready = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    old = status.get("replicas", 0) - updated
    if updated >= wanted and ready >= wanted and old <= 0:
        return Progress(f"{wanted} of {wanted} replaced and ready", done=True)
    words = f"{updated} of {wanted} replaced, {ready} ready, {max(old, 0)} old ones to leave"
    if find_condition(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        troubles = (find_pod_trouble(pod) for pod in pods)
        first = next((t for t in troubles if t is not None), None)
        said = f"{first.reason}: {first.message}" if first else "no pod became ready in time"
        return Progress(f"{words}; {said}", failed=True)
    return Progress(words)


def judge_drain(pods: Sequence[Manifest]) -> Progress:
    """Whether the last pod of a drained pool has left."""
    if not pods:
        return Progress("no pod is left", done=True)
    leaving = sum("deletionTimestamp" in pod["metadata"] for pod in pods)
    word = "pod" if len(pods) == 1 else "pods"
    return Progress(f"{len(pods)} {word} left, {leaving} of them on the way out with their runs")
