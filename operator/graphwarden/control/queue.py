"""Which pools to look at, and when: events coalesce, failures back off, one pass per pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from graphwarden.api.fleet import ObjectKey

# Two marks that are no pools, as no namespace is empty. FLEET: specs changed, look for the pools
# that come out differently. EVERYTHING: every pool that exists or should.
FLEET: Final[ObjectKey] = ("", "fleet")
EVERYTHING: Final[ObjectKey] = ("", "everything")

_COALESCE_SECONDS: Final = 0.05
_FIRST_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = (0.3, 5.0)


@dataclass
class _Streak:
    failures: int = 0
    looks: int = 0


def make_delay(step: int, bounds: tuple[float, float]) -> float:
    """Doubling from the lower bound to the upper, in seconds; `step` counts from 0."""
    return min(bounds[0] * 2.0 ** min(step, 30), bounds[1])


@dataclass
class Queue:
    """Marked keys with the time at which they are due. Not safe across threads."""

    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    _due: dict[ObjectKey, float] = field(default_factory=dict)
    _busy: dict[ObjectKey, float] = field(default_factory=dict)
    _streaks: dict[ObjectKey, _Streak] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def mark(self, key: ObjectKey) -> None:
        """Look at the pool soon; marks close together become one pass."""
        self._schedule(key, _COALESCE_SECONDS)

    async def take(self) -> set[ObjectKey]:
        """Wait until keys are due and not already being worked on; they are busy until finished."""
        while True:
            now = self.clock()
            ready = {k for k, due in self._due.items() if due <= now and k not in self._busy}
            if ready:
                for key in ready:
                    del self._due[key]
                    self._busy[key] = now
                return ready
            self._changed.clear()
            try:
                async with asyncio.timeout(self._next_wait(now)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def finish(self, key: ObjectKey, *, settled: bool = True) -> None:
        """The pass went well. Unless `settled`, it is repeated, at growing distance."""
        streak = self._release(key)
        streak.failures = 0
        if settled:
            self._streaks.pop(key, None)
            return
        self._schedule(key, make_delay(streak.looks, _LOOK_SECONDS))
        streak.looks += 1

    def fail(self, key: ObjectKey, longest_seconds: float = _LONGEST_SECONDS) -> float:
        """The pass failed; it is repeated after the delay that is returned, in seconds."""
        streak = self._release(key)
        delay = make_delay(streak.failures, (_FIRST_SECONDS, longest_seconds))
        streak.failures += 1
        self._schedule(key, delay)
        return delay

    def overdue_seconds(self) -> float:
        """How long the oldest due or busy key has been waiting for its end."""
        now = self.clock()
        since = [*self._busy.values(), *(due for due in self._due.values() if due <= now)]
        return now - min(since) if since else 0.0

    def _schedule(self, key: ObjectKey, delay: float) -> None:
        due = self.clock() + delay
        self._due[key] = min(due, self._due.get(key, due))
        self._changed.set()

    def _release(self, key: ObjectKey) -> _Streak:
        self._busy.pop(key, None)
        self._changed.set()
        return self._streaks.setdefault(key, _Streak())

    def _next_wait(self, now: float) -> float | None:
        waits = [due - now for key, due in self._due.items() if key not in self._busy]
        return max(0.0, min(waits)) if waits else None
