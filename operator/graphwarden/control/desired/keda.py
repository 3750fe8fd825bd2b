"""The ScaledObject of a pool that KEDA scales."""

from __future__ import annotations

import math
from typing import Any

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import ScalingMode
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import SCALED_OBJECT, Manifest

_POLLING_SECONDS = 5


def make_scaled_object(pool: Pool) -> Manifest | None:
    """Scaling on runs in flight by KEDA's `metrics-api` trigger, which asks the operator.

    None in other modes, and where the operator has not been told that there is a KEDA.
    """
    scaling = pool.spec.scaling
    if scaling.mode is not ScalingMode.KEDA or not pool.keda_url:
        return None
    name = names.make_pool_name(pool.capability)
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "pollingInterval": _POLLING_SECONDS,
        "minReplicaCount": scaling.min_replicas,
        "maxReplicaCount": max(1, scaling.min_replicas, scaling.max_replicas),
        "triggers": [_make_trigger(pool)],
    }
    if scaling.behavior:
        spec["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": scaling.behavior}}
    return {
        "apiVersion": SCALED_OBJECT.api_version,
        "kind": SCALED_OBJECT.name,
        "metadata": make_metadata(pool, name),
        "spec": spec,
    }


def _make_trigger(pool: Pool) -> dict[str, Any]:
    share = pool.spec.scaling.target_in_flight_percent / 100
    target = max(1, math.floor(pool.spec.concurrency_per_replica * share))
    url = f"{pool.keda_url.rstrip('/')}/{pool.namespace}/{pool.capability}"
    return {
        "type": "metrics-api",
        "metricType": "AverageValue",
        "metadata": {"url": url, "valueLocation": "value", "targetValue": str(target)},
    }
