"""When a worker that loses call after call is left alone for a while. Pure.

Only calls that were sent and lost count, and connections that nobody takes: each of them cost a
caller its run, or seconds. A refused connection costs nothing and is simply tried elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Closed, open since some time, or half open: with one call under way as a probe."""

    failures: int = 0
    open_until: float = 0.0
    probing: bool = False

    def allows(self, now: float) -> bool:
        """Whether a call may be sent."""
        return not self.open_until or (now >= self.open_until and not self.probing)

    def sent(self) -> None:
        """A call is under way; past the open time it is the probe."""
        self.probing = bool(self.open_until)

    def answered(self) -> None:
        """The worker answers."""
        self.failures, self.open_until, self.probing = 0, 0.0, False

    def lost(self, now: float, limit: int, open_seconds: float) -> None:
        """A call was lost; after `limit` of them in a row, or as the probe, none is sent."""
        self.failures += 1
        if self.probing or self.failures >= limit:
            self.open_until = now + open_seconds
        self.probing = False

    def withdrawn(self) -> None:
        """The call ended before the worker showed anything: its client left."""
        self.probing = False


class Breakers:
    """The breakers of all workers that lost a call since their last answer."""

    def __init__(self) -> None:
        self.tripped: dict[str, Breaker] = {}

    def closed_to(self, endpoint: str, now: float) -> bool:
        """Whether no call may be sent to a worker."""
        breaker = self.tripped.get(endpoint)
        return breaker is not None and not breaker.allows(now)

    def sent(self, endpoint: str) -> None:
        """A call is under way."""
        breaker = self.tripped.get(endpoint)
        if breaker is not None:
            breaker.sent()

    def answered(self, endpoint: str) -> None:
        """A worker answers: it starts anew."""
        self.tripped.pop(endpoint, None)

    def lost(self, endpoint: str, now: float, limit: int, open_seconds: float) -> None:
        """A call was lost."""
        self.tripped.setdefault(endpoint, Breaker()).lost(now, limit, open_seconds)

    def withdrawn(self, endpoint: str) -> None:
        """A call ended by its client's wish."""
        breaker = self.tripped.get(endpoint)
        if breaker is not None:
            breaker.withdrawn()

    def seconds_left(self, endpoints: Sequence[str], now: float) -> float:
        """Until a call may be sent to one of them; 0 when it may be now."""
        waits = [
            max(breaker.open_until - now, 0.0) if (breaker := self.tripped.get(e)) else 0.0
            for e in endpoints
        ]
        return min(waits, default=0.0)

    def keep_only(self, endpoints: frozenset[str]) -> None:
        """Forget workers that are gone."""
        for endpoint in self.tripped.keys() - endpoints:
            del self.tripped[endpoint]
