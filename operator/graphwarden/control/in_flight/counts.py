"""What the routers hold, asked when somebody wants to know: an idle cluster costs nothing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from graphwarden.api.fleet import ObjectKey
from graphwarden.control.cluster import Cluster
from graphwarden.control.in_flight.metric import count_runs

# Values are at most so old, however often they are asked for.
_FRESH_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 2.0
# A router that does not answer counts as it did last, for so long.
_REMEMBERED_SECONDS: Final = 30.0


class RoutersSilent(Exception):
    """No count can be given, as a sentence; an autoscaler then leaves the pool as it is."""


@dataclass
class Counts:
    """The sum over all routers of a namespace."""

    cluster: Cluster
    http: aiohttp.ClientSession
    namespace: str
    _last: dict[str, tuple[float, Counter[ObjectKey]]] = field(default_factory=dict)
    _sum: tuple[float, Counter[ObjectKey]] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self) -> tuple[float, Counter[ObjectKey]]:
        """When the counts were taken, in seconds of the epoch, and the counts by pool.

        Raises:
            RoutersSilent: a router that is there has told nothing for a while.
            ApiError: the API server refuses to name the routers.
        """
        async with self._lock:
            now = time.time()
            if self._sum is None or now - self._sum[0] > _FRESH_SECONDS:
                self._sum = now, await self._ask_all(now)
            return self._sum

    async def _ask_all(self, now: float) -> Counter[ObjectKey]:
        addresses = await self.cluster.list_router_addresses(self.namespace)
        if not addresses:
            raise RoutersSilent(f"there is no router in namespace {self.namespace}")
        answers = await asyncio.gather(*(self._ask(address) for address in addresses))
        for address, answer in zip(addresses, answers, strict=True):
            if answer is not None:
                self._last[address] = now, answer
        self._last = {a: seen for a, seen in self._last.items() if a in addresses}
        silent = [
            address
            for address in addresses
            if now - self._last.get(address, (0.0, None))[0] > _REMEMBERED_SECONDS
        ]
        if silent:
            raise RoutersSilent(f"routers that do not answer: {', '.join(sorted(silent))}")
        total: Counter[ObjectKey] = Counter()
        for _, counts in self._last.values():
            total += counts
        return total

    async def _ask(self, address: str) -> Counter[ObjectKey] | None:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            async with self.http.get(f"http://{address}/metrics", timeout=timeout) as answer:
                answer.raise_for_status()
                return count_runs(await answer.text())
        except (aiohttp.ClientError, TimeoutError):
            # Told by `silent`, once it lasts.
            return None
