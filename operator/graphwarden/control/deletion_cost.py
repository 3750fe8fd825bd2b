"""Which pods a scale-in should take last: those with runs in flight. Pure.

A cost is written only while a scale-in is near, so that a busy pool costs no writes.
"""

from __future__ import annotations

import math
from typing import Final

from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import ScaleIn, ScalingMode
from graphwarden.control.desired.deployment import choose_replicas
from graphwarden.control.observed import Observed
from graphwarden.control.plan import Cost

_BUSY: Final = "1"
_IDLE: Final = ""


def plan_costs(pool: Pool, observed: Observed) -> list[Cost]:
    """The annotations that differ from what the pods' runs in flight ask for."""
    if not is_scale_in_near(pool, observed):
        return []
    return [
        Cost(pod.name, cost)
        for pod in observed.running_pods
        if (table := observed.tables.get(pod.name)) is not None
        and pod.deletion_cost != (cost := _BUSY if table.in_flight else _IDLE)
    ]


def is_scale_in_near(pool: Pool, observed: Observed) -> bool:
    """Whether fewer pods than there are would do for the runs in flight, and the pool cares."""
    scaling = pool.spec.scaling
    if scaling.scale_in is not ScaleIn.IDLE_FIRST or observed.deployment is None:
        return False
    present: int = observed.deployment["spec"].get("replicas", 1)
    if scaling.mode is ScalingMode.NONE:
        return (choose_replicas(pool.spec) or 0) < present
    in_flight = sum(table.in_flight for table in observed.tables.values())
    each = pool.spec.concurrency_per_replica * scaling.target_in_flight_percent / 100
    return max(scaling.min_replicas, math.ceil(in_flight / each)) < present
