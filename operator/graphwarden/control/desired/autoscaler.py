"""The HorizontalPodAutoscaler of a pool."""

from __future__ import annotations

from typing import Any

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import ScalingMode
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.in_flight.metric import make_metric_source
from graphwarden.control.kinds import Manifest


def make_autoscaler(pool: Pool) -> Manifest | None:
    """Scaling on runs in flight, or on CPU where nobody counts those; None when something else
    scales the pool (`KEDA`, `None`).

    An autoscaler that knows CPU alone cannot wake a pool without pods, and the API server refuses
    `minReplicas: 0` for it, so the least is 1 there. The two are not mixed: a pool at rest uses
    some CPU, and would never sleep.
    """
    scaling = pool.spec.scaling
    if scaling.mode is not ScalingMode.HPA:
        return None
    least = scaling.min_replicas if pool.counts_runs else max(1, scaling.min_replicas)
    name = names.make_pool_name(pool.capability)
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": least,
        "maxReplicas": max(least, scaling.max_replicas),
        "metrics": [_make_metric(pool)],
    }
    if scaling.behavior:
        spec["behavior"] = scaling.behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": make_metadata(pool, name),
        "spec": spec,
    }


def _make_metric(pool: Pool) -> dict[str, Any]:
    scaling = pool.spec.scaling
    if pool.counts_runs:
        percent = scaling.target_in_flight_percent
        return make_metric_source(pool.capability, pool.spec.concurrency_per_replica, percent)
    target = {"type": "Utilization", "averageUtilization": scaling.target_cpu_percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}
