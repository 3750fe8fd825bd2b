"""What the operator counts, in Prometheus terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from graphwarden.api.fleet import ObjectKey

RECONCILE_DURATION: Final = Histogram(
    "graphwarden_reconcile_duration_seconds",
    "One pass over one pool.",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RECONCILE_ERRORS: Final = Counter(
    "graphwarden_reconcile_errors_total", "Passes that failed.", ["namespace", "pool"]
)
WRITES: Final = Counter("graphwarden_writes_total", "Writes to the API server.", ["kind", "verb"])

CRD_SKEW: Final = Gauge(
    "graphwarden_crd_skew",
    "1 when the cluster's definition of a resource is older or newer than this operator.",
    ["kind", "than_operator"],
)


def count_write(kind: str, verb: str) -> None:
    """Count one write to the API server."""
    WRITES.labels(kind, verb).inc()


@dataclass(frozen=True)
class GraphFigures:
    """What is exported of one GraphSpec."""

    assistant_id: str
    capability: str
    ready: bool


@dataclass(eq=False)
class FleetCollector(Collector):
    """Every GraphSpec of the fleet; one that is gone is gone from the metrics too."""

    graphs: dict[ObjectKey, GraphFigures] = field(default_factory=dict)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The two families, at the moment of the scrape."""
        labels = ["namespace", "name"]
        info = GaugeMetricFamily(
            "graphwarden_graphspec_info",
            "Always 1: which assistant a GraphSpec is, and in which pool.",
            labels=[*labels, "assistant_id", "capability"],
        )
        ready = GaugeMetricFamily(
            "graphwarden_graphspec_ready", "1 when the graph answers calls.", labels=labels
        )
        for (namespace, name), figures in sorted(self.graphs.items()):
            info.add_metric([namespace, name, figures.assistant_id, figures.capability], 1)
            ready.add_metric([namespace, name], float(figures.ready))
        yield info
        yield ready


def register(collector: FleetCollector) -> None:
    """Export the fleet with the rest."""
    REGISTRY.register(collector)
