"""The HorizontalPodAutoscaler of a pool."""

from __future__ import annotations

from typing import Any

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import ScalingMode
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import Manifest


def make_autoscaler(pool: Pool) -> Manifest | None:
    """Scaling on CPU; None when something else scales the pool (`KEDA`, `None`).

    An autoscaler that knows CPU alone cannot wake a pool without pods, and the API server refuses
    `minReplicas: 0` for it, so the least is 1.
    """
    scaling = pool.spec.scaling
    if scaling.mode is not ScalingMode.HPA:
        return None
    least = max(1, scaling.min_replicas)
    name = names.make_pool_name(pool.capability)
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": least,
        "maxReplicas": max(least, scaling.max_replicas),
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {
                        "type": "Utilization",
                        "averageUtilization": scaling.target_cpu_percent,
                    },
                },
            }
        ],
    }
    if scaling.behavior:
        spec["behavior"] = scaling.behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": make_metadata(pool, name),
        "spec": spec,
    }
