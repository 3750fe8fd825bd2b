"""For how long the event loop has not turned, and what that calls for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Step = Literal["wait", "warn", "replace"]

# A process that was itself stopped must not take the time for its loop's.
_LONGEST_LOOK_SECONDS = 1.0


@dataclass
class Blockage:
    """The time since the loop last answered, told once when it is long, and once when too long.

    Args:
        warn_seconds: when it is worth a line in the log.
        limit_seconds: when the process is to be replaced; 0 for never.
    """

    warn_seconds: float
    limit_seconds: float
    seconds: float = 0.0
    warned: bool = False

    def note(self, elapsed: float) -> Step:
        """One look without an answer, so many seconds after the last look."""
        self.seconds += min(elapsed, _LONGEST_LOOK_SECONDS)
        if self.limit_seconds and self.seconds >= self.limit_seconds:
            return "replace"
        if not self.warned and self.seconds >= self.warn_seconds:
            self.warned = True
            return "warn"
        return "wait"

    def end(self) -> float:
        """The loop answered: how long it was blocked, 0 where it was not worth a word."""
        seconds = self.seconds if self.warned else 0.0
        self.seconds, self.warned = 0.0, False
        return seconds
