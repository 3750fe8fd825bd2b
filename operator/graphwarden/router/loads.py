"""What each worker has loaded, asked of the workers themselves now and then.

Only for the choice among them: a worker without the graph would refuse the call and cost it a
second try, and one that does not even tell is passed over while others do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from graphwarden.router.endpoints import ConnectFailed, Upstreams
from graphwarden.router.pools import Pools
from graphwarden.router.upstream import ConnectionBroken

_ANSWER_SECONDS = 1.5
# A worker under full load may miss one look.
_MISSES = 2


class _Graph(msgspec.Struct):
    assistant_id: str
    loaded: bool = False


class _LoadTable(msgspec.Struct):
    graphs: list[_Graph]


class Loads:
    """The exceptions: graphs that a worker of their pool does not have, and silent workers."""

    def __init__(self, pools: Pools, upstreams: Upstreams) -> None:
        self._pools = pools
        self._upstreams = upstreams
        self._misses: dict[str, int] = {}
        self.gaps: dict[str, frozenset[str]] = {}

    def prefer(self, endpoints: Sequence[str], assistant: str) -> Sequence[str]:
        """The workers that have the graph and answer; all of them when none does."""
        able = [e for e in endpoints if assistant not in self.gaps.get(e, ())]
        return [e for e in able if self._misses.get(e, 0) < _MISSES] or able or endpoints

    @property
    def has_exceptions(self) -> bool:
        """Whether `prefer` could leave any worker out."""
        return bool(self.gaps or self._misses)

    async def follow(self, seconds: float) -> None:
        """Ask all workers, again and again."""
        while True:
            table = self._pools.current
            wanted = [(e, name) for name, pool in table.pools.items() for e in pool.endpoints]
            of_pool: dict[str, list[str]] = {}
            for assistant, route in table.assistants.items():
                of_pool.setdefault(route.pool, []).append(assistant)
            await asyncio.gather(*(self._look(e, of_pool.get(name, ())) for e, name in wanted))
            for endpoint in (self.gaps.keys() | self._misses.keys()) - {e for e, _ in wanted}:
                self.note(endpoint, ())
            await asyncio.sleep(seconds)

    async def _look(self, endpoint: str, assistants: Collection[str]) -> None:
        request = f"GET /graphs HTTP/1.1\r\nhost: {endpoint}\r\n\r\n".encode()
        try:
            _, body = await self._upstreams.ask(endpoint, "GET", request, b"", _ANSWER_SECONDS)
            table = msgspec.json.decode(body, type=_LoadTable)
        except (ConnectFailed, ConnectionBroken, TimeoutError):
            self._misses[endpoint] = self._misses.get(endpoint, 0) + 1
            return
        except msgspec.DecodeError:
            # It answers something else: nothing is known of it, and nothing bad.
            self.note(endpoint, ())
            return
        loaded = {graph.assistant_id for graph in table.graphs if graph.loaded}
        self.note(endpoint, [name for name in assistants if name not in loaded])

    def note(self, endpoint: str, missing: Collection[Any]) -> None:
        """A worker that answers, and what it has not loaded."""
        self._misses.pop(endpoint, None)
        if missing:
            self.gaps[endpoint] = frozenset(missing)
        else:
            self.gaps.pop(endpoint, None)
