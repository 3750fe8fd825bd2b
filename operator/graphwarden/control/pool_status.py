"""What the operator says of a GraphPool. Pure: time comes in as an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.conditions import DEGRADED, PROGRESSING, READY, SCALING_ACTIVE, Accepted, Ready
from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import ScalingMode
from graphwarden.api.quantities import render_duration
from graphwarden.control.desired.deployment import choose_replicas
from graphwarden.control.findings import Finding
from graphwarden.control.kinds import Manifest
from graphwarden.control.observed import Observed, find_raw_condition
from graphwarden.control.rollout import PREFLIGHT_FAILED
from graphwarden.control.status import Load, make_conditions

# A run may just have started when its pod is told to leave, and then still has to be answered.
_GRACE_MARGIN_SECONDS: Final = 120.0

NO_GRAPHS: Final = "NoGraphs"
PAUSED: Final = "Paused"
SETTLED: Final = "Settled"
ROLLING: Final = "Rolling"
PENDING: Final = "Pending"
SCALING_DISABLED: Final = "ScalingDisabled"
GRAPHS_NOT_LOADED: Final = "GraphsNotLoaded"
ROLLOUT_STUCK: Final = "RolloutStuck"
APPLY_REFUSED: Final = "ApplyRefused"
KEDA_NOT_ENABLED: Final = "KEDANotEnabled"
AS_EXPECTED: Final = "AsExpected"


def make_grace_seconds(pool: Pool) -> float:
    """How long a pod of the pool may need to leave: its longest run that cannot go on elsewhere."""
    longest = max(
        (graph.spec.run.timeout_seconds for graph in pool.graphs if not graph.spec.resumable),
        default=0.0,
    )
    return min(longest + _GRACE_MARGIN_SECONDS, pool.spec.drain.max_grace_period_seconds)


def make_pool_status(
    graphpool: Manifest,
    pool: Pool | None,
    loads: Mapping[str, Load],
    observed: Observed,
    *,
    invalid: str | None,
    now: str,
    rollout: Finding | None = None,
    trouble: str | None = None,
) -> dict[str, Any]:
    """The whole status of one GraphPool.

    Args:
        graphpool: the object as read.
        pool: the settled pool; None when no graph of it is accepted.
        loads: how far each accepted graph came, by assistant id.
        observed: the live children and pods.
        invalid: why the object could not be read, as a sentence; None when it could.
        now: RFC 3339.
        rollout: the condition `Progressing` while a new image is tried.
        trouble: why a child could not be written, as a sentence.
    """
    deployment = observed.deployment or {}
    status = deployment.get("status", {})
    findings = [
        judge_pool_ready(pool, observed, invalid),
        rollout or judge_progressing(deployment),
        judge_scaling(pool, observed),
        trouble_finding(trouble, rollout) or judge_degraded(deployment, loads, invalid),
    ]
    capability = graphpool["metadata"]["name"]
    selector = names.make_selector(capability)
    return {
        "observedGeneration": graphpool["metadata"].get("generation", 0),
        "replicas": status.get("replicas", 0),
        "readyReplicas": status.get("readyReplicas", 0),
        "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        "graphs": {
            "accepted": len(pool.graphs) if pool else 0,
            "loaded": sum(1 for load in loads.values() if load.ready and load.loaded == load.ready),
        },
        "gracePeriod": render_duration(make_grace_seconds(pool)) if pool else "",
        "conditions": make_conditions(graphpool, findings, now),
    }


def judge_pool_ready(pool: Pool | None, observed: Observed, invalid: str | None) -> Finding:
    """The condition `Ready`: whether some replica takes calls."""
    if invalid is not None:
        return Finding(READY, "Unknown", Accepted.INVALID_SPEC, invalid)
    if pool is None:
        message = "No accepted GraphSpec names this pool, so nothing runs."
        return Finding(READY, "False", NO_GRAPHS, message)
    ready = len(observed.ready_pods)
    if ready:
        return Finding(READY, "True", Ready.READY, "The pool takes calls.")
    if pool.spec.paused:
        message = "The pool is paused: its children are not written until paused is false."
        return Finding(READY, "False", PAUSED, message)
    if pool.may_sleep:
        message = "The pool sleeps; the router holds calls while it wakes."
        return Finding(READY, "True", Ready.SCALED_TO_ZERO, message)
    if choose_replicas(pool.spec) == 0:
        return Finding(READY, "False", Ready.SCALED_TO_ZERO, "The pool is set to 0 replicas.")
    return Finding(READY, "False", Ready.POOL_UNAVAILABLE, "No replica is ready.")


def judge_progressing(deployment: Manifest) -> Finding:
    """The condition `Progressing`: whether pods are being replaced or added."""
    if not deployment:
        return Finding(PROGRESSING, "False", SETTLED, "There is nothing to roll out.")
    status, meta = deployment.get("status", {}), deployment["metadata"]
    wanted = deployment.get("spec", {}).get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    counts = [status.get(f, 0) for f in ("replicas", "updatedReplicas", "availableReplicas")]
    if seen and all(count == wanted for count in counts):
        return Finding(PROGRESSING, "False", SETTLED, "All replicas are up to date and available.")
    return Finding(PROGRESSING, "True", ROLLING, "Replicas are being replaced or started.")


def judge_scaling(pool: Pool | None, observed: Observed) -> Finding:
    """The condition `ScalingActive`: the autoscaler's own word, where there is one."""
    mode = pool.spec.scaling.mode if pool else ScalingMode.NONE
    if mode is ScalingMode.NONE:
        return Finding(SCALING_ACTIVE, "False", SCALING_DISABLED, "No autoscaler is asked for.")
    if mode is ScalingMode.KEDA:
        return _judge_keda(pool, observed)
    condition = find_raw_condition(observed.autoscaler, "ScalingActive")
    if not condition:
        return Finding(SCALING_ACTIVE, "Unknown", PENDING, "The autoscaler has not said yet.")
    return Finding(
        SCALING_ACTIVE,
        condition.get("status", "Unknown"),
        condition.get("reason") or PENDING,
        condition.get("message", ""),
    )


def _judge_keda(pool: Pool | None, observed: Observed) -> Finding:
    if pool is not None and not pool.keda_url:
        message = (
            "The operator makes no ScaledObjects, and nothing scales this pool: install the chart "
            "with keda.enabled=true, or choose scaling.mode HPA."
        )
        return Finding(SCALING_ACTIVE, "False", KEDA_NOT_ENABLED, message)
    condition = find_raw_condition(observed.scaled_object, "Ready")
    if not condition:
        return Finding(SCALING_ACTIVE, "Unknown", PENDING, "KEDA has not said yet.")
    return Finding(
        SCALING_ACTIVE,
        condition.get("status", "Unknown"),
        condition.get("reason") or PENDING,
        condition.get("message", ""),
    )


def trouble_finding(trouble: str | None, rollout: Finding | None) -> Finding | None:
    """The condition `Degraded` when the cluster refused a child, or a new image failed."""
    if trouble is not None:
        return Finding(DEGRADED, "True", APPLY_REFUSED, trouble)
    if rollout is not None and rollout.reason == PREFLIGHT_FAILED:
        return Finding(DEGRADED, "True", PREFLIGHT_FAILED, rollout.message)
    return None


def judge_degraded(deployment: Manifest, loads: Mapping[str, Load], invalid: str | None) -> Finding:
    """The condition `Degraded`: something here needs a person."""
    if invalid is not None:
        return Finding(DEGRADED, "True", Accepted.INVALID_SPEC, invalid)
    failed = sorted(assistant_id for assistant_id, load in loads.items() if load.failures)
    if failed:
        message = f"Not loaded: {', '.join(failed)}. The GraphSpecs say why."
        return Finding(DEGRADED, "True", GRAPHS_NOT_LOADED, message)
    rollout = find_raw_condition(deployment, "Progressing")
    if rollout.get("status") == "False":
        return Finding(DEGRADED, "True", ROLLOUT_STUCK, rollout.get("message", ""))
    return Finding(DEGRADED, "False", AS_EXPECTED, "Nothing is wrong.")
