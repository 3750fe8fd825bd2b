"""What a site's robots.txt allows (RFC 9309), remembered for an hour."""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

MOST_BYTES = 500_000
_REMEMBERED_SECONDS = 3600.0
_MOST_SITES = 2000


@dataclass(frozen=True)
class Robots:
    """The rules of one origin. `closed` is a reason for which nothing of it may be read."""

    rules: Protego | None = None
    closed: str | None = None

    def allows(self, url: str, robot: str) -> bool:
        """Whether a page may be read by the robot of that name."""
        if self.closed is not None:
            return False
        return self.rules is None or bool(self.rules.can_fetch(url, robot))

    def read_gap(self, robot: str) -> float:
        """The seconds between two requests that the site asks for; 0 where it does not."""
        if self.rules is None:
            return 0.0
        rate = self.rules.request_rate(robot)
        asked = self.rules.crawl_delay(robot) or (rate.seconds / rate.requests if rate else 0.0)
        return max(0.0, float(asked))


ALL_ALLOWED = Robots()


def parse_robots(text: str) -> Robots:
    """The rules of a file; a page of HTML in its place has none."""
    return Robots(Protego.parse(text))


class RobotsMemory:
    """Rules by origin, with the time until which they hold."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Robots]] = {}

    def find(self, origin: str, now: float) -> Robots | None:
        """What is known and still holds. `now` is the event loop's clock."""
        until, robots = self._known.get(origin, (0.0, None))
        return robots if until > now else None

    def keep(self, origin: str, robots: Robots, now: float, seconds: float | None = None) -> None:
        """Remember; the oldest are forgotten."""
        self._known.pop(origin, None)
        while len(self._known) >= _MOST_SITES:
            self._known.pop(next(iter(self._known)))
        self._known[origin] = (now + (seconds or _REMEMBERED_SECONDS), robots)
