"""The router's figures for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from graphwarden.router.pools import Pools
from graphwarden.telemetry.figures import SpanCounts, SpanFigures
from graphwarden.telemetry.trace import TraceContext

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """Counters of calls, and gauges read from the pools when somebody asks."""

    def __init__(self, pools: Pools) -> None:
        self.registry = CollectorRegistry()
        # Counted by the one thread there is: the client library's locks cost more than all else.
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._histograms: defaultdict[str, _Histogram] = defaultdict(_Histogram)
        self.registry.register(_CallCollector(self._counts, self._histograms))
        self.registry.register(_PoolCollector(pools))

    def count_spans(self, counts: SpanCounts) -> None:
        """Tell how it stands with spans."""
        self.registry.register(SpanFigures(counts))

    def answered(self, pool: str, outcome: str) -> None:
        """Count an answer. Outcomes: ok, client_error, error, rejected, lost, timeout, gone."""
        self._counts[pool, outcome] += 1

    def relayed(self, pool: str, seconds: float, trace: TraceContext | None = None) -> None:
        """Note how long a worker took, in which trace."""
        histogram = self._histograms[pool]
        bucket = bisect_left(_SECONDS, seconds)
        histogram.counts[bucket] += 1
        histogram.sum += seconds
        if trace is not None:
            histogram.exemplars[bucket] = (trace, seconds)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The text that Prometheus reads, in the format that it asks for, and the format's name."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


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


_Bucket = tuple[str, float] | tuple[str, float, Exemplar]


class _Histogram:
    """Calls by how long they took; the last count is of those beyond all bounds."""

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(_SECONDS) + 1)
        self.sum = 0.0
        # The newest of each bucket.
        self.exemplars: dict[int, tuple[TraceContext, float]] = {}

    def list_buckets(self) -> list[_Bucket]:
        """Bounds and what is below them, each with a call that went there."""
        bounds = [*map(str, map(float, _SECONDS)), "+Inf"]
        so_far = accumulate(self.counts)
        return [
            (bound, float(count), *self._list_exemplars(number))
            for number, (bound, count) in enumerate(zip(bounds, so_far, strict=True))
        ]

    def _list_exemplars(self, bucket: int) -> tuple[()] | tuple[Exemplar]:
        found = self.exemplars.get(bucket)
        if found is None:
            return ()
        trace, seconds = found
        return (Exemplar({"trace_id": trace.trace_id, "span_id": trace.span_id}, seconds),)


class _CallCollector(Collector):
    def __init__(
        self, counts: dict[tuple[str, str], int], histograms: dict[str, _Histogram]
    ) -> None:
        self._counts = counts
        self._histograms = histograms

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        answers = CounterMetricFamily(
            "graphwarden_router_requests",
            "Answers given, by pool and outcome.",
            labels=["capability", "outcome"],
        )
        for labels, count in self._counts.items():
            answers.add_metric(labels, count)
        yield answers
        seconds = HistogramMetricFamily(
            "graphwarden_router_upstream_duration_seconds",
            "From sending a call to a worker to the end of its answer.",
            labels=["capability"],
        )
        for pool, histogram in self._histograms.items():
            seconds.add_metric([pool], histogram.list_buckets(), histogram.sum)
        yield seconds


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
