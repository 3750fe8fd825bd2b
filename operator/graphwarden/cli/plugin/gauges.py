"""What routers count of their pools, out of their metrics. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

_GAUGES = {
    "graphwarden_router_in_flight": "in_flight",
    "graphwarden_router_queue_depth": "queued",
}
_BREAKER = "graphwarden_router_breaker"


@dataclass(frozen=True)
class Gauges:
    """What one router counts of one pool; `breaker` is None where it does not tell."""

    in_flight: int = 0
    queued: int = 0
    breaker: str | None = None


@dataclass(frozen=True)
class RouterView:
    """What the router tells of its pools, or why it tells nothing."""

    pools: Mapping[str, Gauges] = field(default_factory=dict)
    silence: str | None = None
    # Each router has queues of its own.
    routers: int = 1


def add_gauges(views: Sequence[Mapping[str, Gauges]]) -> dict[str, Gauges]:
    """The figures of several routers together; a breaker is open where one of them has it open."""
    total: dict[str, Gauges] = {}
    for view in views:
        for pool, more in view.items():
            so_far = total.get(pool, Gauges())
            breakers = {so_far.breaker, more.breaker} - {None}
            total[pool] = Gauges(
                so_far.in_flight + more.in_flight,
                so_far.queued + more.queued,
                max(breakers, key=lambda state: state == "open", default=None),
            )
    return total


def parse_gauges(text: str) -> dict[str, Gauges]:
    """The figures by pool, `namespace/capability`, out of a router's metrics."""
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            pool = sample.labels.get("capability")
            if pool is None:
                continue
            if sample.name in _GAUGES:
                found[pool][_GAUGES[sample.name]] = int(sample.value)
            elif sample.name.startswith(_BREAKER):
                open_before = found[pool].get("breaker") == "open"
                found[pool]["breaker"] = "open" if sample.value or open_before else "closed"
    return {pool: Gauges(**values) for pool, values in found.items()}
