"""The router's figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from graphwarden.router.pools import Pools

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """Counters of calls, and gauges read from the pools when somebody asks."""

    def __init__(self, pools: Pools) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "graphwarden_router_requests",
            "Answers given, by pool and outcome.",
            ["capability", "outcome"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "graphwarden_router_upstream_duration_seconds",
            "From sending a call to a worker to the end of its answer.",
            ["capability"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_PoolCollector(pools))
        # Looking a label up costs more than counting.
        self._counters: dict[tuple[str, str], Counter] = {}
        self._histograms: dict[str, Histogram] = {}

    def answered(self, pool: str, outcome: str) -> None:
        """Count an answer. Outcomes: ok, client_error, error, rejected, lost, timeout, gone."""
        counter = self._counters.get((pool, outcome))
        if counter is None:
            counter = self._counters[pool, outcome] = self._requests.labels(pool, outcome)
        counter.inc()

    def relayed(self, pool: str, seconds: float) -> None:
        """Note how long a worker took."""
        histogram = self._histograms.get(pool)
        if histogram is None:
            histogram = self._histograms[pool] = self._seconds.labels(pool)
        histogram.observe(seconds)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


def name_outcome(status: int) -> str:
    """The word for a status in the counter of answers."""
    match status:
        case 429 | 503:
            return "rejected"
        case 502:
            return "lost"
        case 504:
            return "timeout"
        case _ if status >= 500:
            return "error"
        case _ if status >= 400:
            return "client_error"
        case _:
            return "ok"


class _PoolCollector(Collector):
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def collect(self) -> Iterator[GaugeMetricFamily]:
        label = ["capability"]
        in_flight = GaugeMetricFamily(
            "graphwarden_router_in_flight", "Calls at the pool's workers.", labels=label
        )
        queued = GaugeMetricFamily(
            "graphwarden_router_queue_depth", "Calls that wait for a place.", labels=label
        )
        for name, bulkhead in self._pools.counts():
            in_flight.add_metric([name], bulkhead.in_flight)
            queued.add_metric([name], bulkhead.queued)
        yield in_flight
        yield queued
        generation = GaugeMetricFamily(
            "graphwarden_router_table_generation", "Number of the route table in force."
        )
        generation.add_metric([], self._pools.current.generation)
        yield generation
