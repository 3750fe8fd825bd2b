"""For how long threads and their checkpoints are kept. Pure.

Without a wish of its own, a thread that nothing has touched for a while keeps only its latest
checkpoint, and after a longer while it goes. A thread that waits for somebody stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Step = Literal["keep_latest", "delete"]


@dataclass(frozen=True, slots=True)
class Retention:
    """The defaults of a fleet; None for never."""

    history: timedelta | None = timedelta(days=7)
    threads: timedelta | None = timedelta(days=90)
    events: timedelta = timedelta(days=1)

    def first_look(self, now: datetime, *, waits: bool) -> datetime | None:
        """When a thread that was touched now is looked at."""
        wait = (
            self.history if waits else min(filter(None, (self.history, self.threads)), default=None)
        )
        return now + wait if wait is not None else None

    def plan(
        self, ttl: dict[str, Any] | None, touched: datetime, now: datetime, *, waits: bool
    ) -> tuple[Step | None, datetime | None]:
        """What to do with a thread that is due, and when to look at it again."""
        if ttl is not None:
            step: Step = "delete" if ttl.get("strategy", "delete") == "delete" else "keep_latest"
            return step, None
        if waits:
            return "keep_latest", None
        goes = touched + self.threads if self.threads is not None else None
        if goes is not None and goes <= now:
            return "delete", None
        return ("keep_latest" if self.history is not None else None), goes


def parse_ttl(ttl: dict[str, Any], now: datetime) -> datetime:
    """When a thread with its own wish is due: `{"ttl": minutes, "strategy": ...}`."""
    return now + timedelta(minutes=float(ttl["ttl"]))
