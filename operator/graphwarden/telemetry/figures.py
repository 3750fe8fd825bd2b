"""Figures for Prometheus that more than one program has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)


class LostSpans(Collector):
    """Spans that were made and did not arrive where they were sent."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        """The count by now."""
        lost = CounterMetricFamily(
            "graphwarden_spans_lost", "Spans that the receiver of traces did not take."
        )
        lost.add_metric([], self._count())
        yield lost


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
