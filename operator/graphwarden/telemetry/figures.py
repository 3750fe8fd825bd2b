"""Figures for Prometheus that more than one program has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)


class SpanCounts(Protocol):
    """How it stands with the spans of a process."""

    @property
    def lost(self) -> int:
        """Made, and not taken by the receiver."""

    @property
    def waiting(self) -> int:
        """Made, and not sent yet."""


class SpanFigures(Collector):
    """Spans that did not arrive where they were sent, and those that are still to be sent."""

    def __init__(self, counts: SpanCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """The counts by now."""
        lost = CounterMetricFamily(
            "graphwarden_spans_lost", "Spans that the receiver of traces did not take."
        )
        lost.add_metric([], self._counts.lost)
        yield lost
        waiting = GaugeMetricFamily("graphwarden_spans_waiting", "Spans that wait to be sent.")
        waiting.add_metric([], self._counts.waiting)
        yield waiting


class GraphFigures(Collector):
    """What graphs count by prometheus_client's own registry, and what it tells of the process.

    A name that is ours already is left out, and so is what a graph's own collector fails on.
    """

    def __init__(self, ours: Callable[[], set[str]]) -> None:
        self._ours = ours
        self._told = False

    def describe(self) -> list[Metric]:
        """Nothing: graphs are not loaded yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures by now."""
        ours = self._ours()
        try:
            found = [figure for figure in REGISTRY.collect() if figure.name not in ours]
        except Exception as error:
            if not self._told:
                logger.error("figures of graphs are left out: %s", type(error).__name__)
            self._told = True
            return
        yield from found
