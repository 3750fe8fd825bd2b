"""Politeness: one request at a time to a host, and a gap between two. Of this process alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from graphs.sales.web.failures import FetchFailed

_MOST_HOSTS = 5000


@dataclass
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_at: float = 0.0


class Pace:
    """When each host may be asked again."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def turn(
        self, host: str, gap_seconds: float, patience_seconds: float
    ) -> AsyncIterator[None]:
        """The block runs when it is its turn; the next one a gap after its end.

        Raises:
            FetchFailed: `AskedToWait`, when the turn comes later than anybody waits.
        """
        loop = asyncio.get_running_loop()
        turn = self._find(host, loop.time())
        async with turn.lock:
            wait = turn.next_at - loop.time()
            if wait > patience_seconds:
                raise FetchFailed(
                    "AskedToWait",
                    f"{host} asks to wait {wait:.0f} more seconds.",
                    wait_seconds=wait,
                )
            await asyncio.sleep(max(0.0, wait))
            try:
                yield
            finally:
                turn.next_at = max(turn.next_at, loop.time() + gap_seconds)

    def hold(self, host: str, seconds: float) -> None:
        """Nobody asks this host for so long."""
        now = asyncio.get_running_loop().time()
        turn = self._find(host, now)
        turn.next_at = max(turn.next_at, now + seconds)

    def _find(self, host: str, now: float) -> _Turn:
        if host not in self._turns and len(self._turns) >= _MOST_HOSTS:
            kept = {k: t for k, t in self._turns.items() if t.lock.locked() or t.next_at > now}
            self._turns = kept
        return self._turns.setdefault(host, _Turn())
