"""Which cases of a histogram are told as exemplars: the first of each second for each bucket.

Prometheus looks every few seconds and takes one per bucket; telling it of all others costs more
than making their spans.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Protocol

_SECONDS_BETWEEN = 1.0


class Case(Protocol):
    """Something that was measured."""

    @property
    def exemplar(self) -> dict[str, str] | None:
        """Where it is found: trace_id and span_id; None where nobody would find it."""


class Exemplars:
    """The exemplars of one histogram."""

    def __init__(
        self, bounds: Sequence[float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bounds = bounds
        self._clock = clock
        self._due: dict[tuple[tuple[str, ...], int], float] = {}

    def choose(
        self, series: tuple[str, ...], value: float, case: Case | None
    ) -> dict[str, str] | None:
        """The exemplar of a case, if it is one to be told."""
        if case is None:
            return None
        bucket, now = (series, bisect_left(self._bounds, value)), self._clock()
        if now < self._due.get(bucket, now):
            return None
        exemplar = case.exemplar
        if exemplar is not None:
            self._due[bucket] = now + _SECONDS_BETWEEN
        return exemplar
