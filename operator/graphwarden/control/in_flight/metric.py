"""The metric as the API speaks of it. Pure.

`k8s.io/metrics/pkg/apis/external_metrics/v1beta1` is where its shapes come from.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from graphwarden.api.fleet import ObjectKey

GROUP: Final = "external.metrics.k8s.io"
VERSION: Final = "v1beta1"
METRIC: Final = "graphwarden_runs_in_flight"
LABEL: Final = "capability"
# Together: what the pool works on, and what waits for it, also while it has no pod.
_COUNTED: Final = ("graphwarden_router_in_flight", "graphwarden_router_queue_depth")


class BadSelector(ValueError):
    """A label selector that names no capability, as a sentence for whoever asked."""


def make_metric_source(capability: str, concurrency: int, target_percent: int) -> dict[str, Any]:
    """The entry of an autoscaler's `metrics`: so many runs per pod as the target asks for."""
    average = max(1, math.floor(concurrency * target_percent * 10))
    return {
        "type": "External",
        "external": {
            "metric": {"name": METRIC, "selector": {"matchLabels": {LABEL: capability}}},
            "target": {"type": "AverageValue", "averageValue": _render_milli(average)},
        },
    }


def render_discovery() -> dict[str, Any]:
    """What the group's version serves."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{GROUP}/{VERSION}",
        "resources": [
            {
                "name": METRIC,
                "singularName": "",
                "namespaced": True,
                "kind": "ExternalMetricValueList",
                "verbs": ["get"],
            }
        ],
    }


def render_values(
    counts: Mapping[ObjectKey, int], namespace: str, capabilities: Iterable[str], at: float
) -> Any:
    """The values of these pools, seen at a time in seconds of the epoch."""
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "ExternalMetricValueList",
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {},
        "items": [
            {
                "metricName": METRIC,
                "metricLabels": {LABEL: capability},
                "timestamp": when,
                "value": str(counts.get((namespace, capability), 0)),
            }
            for capability in capabilities
        ],
    }


def render_status(code: int, reason: str, message: str) -> dict[str, Any]:
    """A refusal, as kubectl and the autoscaler read it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def parse_selector(text: str) -> list[str]:
    """The capabilities that a label selector names: `capability=email`, `capability in (a,b)`.

    Raises:
        BadSelector: it asks for something else.
    """
    key, _, value = (part.strip() for part in text.partition("="))
    value = value.removeprefix("=").strip()
    if not value and " in " in text:
        key, _, listed = (part.strip() for part in text.partition(" in "))
        value = listed.removeprefix("(").removesuffix(")")
    found = [name.strip() for name in value.split(",") if name.strip()]
    if key != LABEL or not found or "=" in value:
        raise BadSelector(f"select the pool by its label: {LABEL}=<name>, not {text!r}")
    return found


def count_runs(exposition: str) -> Counter[ObjectKey]:
    """The runs in flight and waiting, by pool, of one router's metrics.

    In a cluster the routers name a pool `namespace/capability`.
    """
    lines = [line for line in exposition.splitlines() if line.startswith(_COUNTED)]
    found: Counter[ObjectKey] = Counter()
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            namespace, _, capability = sample.labels[LABEL].rpartition("/")
            found[namespace, capability] += int(sample.value)
    return found


def _render_milli(thousandths: int) -> str:
    whole, rest = divmod(thousandths, 1000)
    return f"{thousandths}m" if rest else str(whole)
