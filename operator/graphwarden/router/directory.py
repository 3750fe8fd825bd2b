"""Which graph an assistant is of: the defaults from the table, the others asked for and kept."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from collections.abc import Callable

from graphwarden.api.errors import Reason
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.pools import Pools
from graphwarden.router.records import Records
from graphwarden.router.request import Request
from graphwarden.telemetry.trace import TraceContext

_ENTRIES = 50_000
# A graph that was changed meanwhile is found through its worker, which knows better; this only
# bounds how long calls take that detour.
_KNOWN_SECONDS = 60.0
# Another router may make the assistant at any time.
_MISSING_SECONDS = 1.0


class Directory:
    """Graphs by the UUIDs of API-made assistants, for a while."""

    def __init__(self, pools: Pools, records: Records, clock: Callable[[], float]) -> None:
        self._pools = pools
        self._records = records
        self._clock = clock
        self._entries: OrderedDict[str, tuple[str | None, float]] = OrderedDict()

    async def find(self, assistant: str, request: Request, trace: TraceContext) -> str:
        """The graph's name for the UUID of one of its assistants; what is none stays as it is.

        Raises:
            RouterError: 404 for a UUID that nobody has, 422 when its graph is not in the fleet,
                503 when nobody can be asked now.
        """
        table = self._pools.current
        assistant_id = None if table.find(assistant) else parse_uuid(assistant)
        if assistant_id is None or table.find(assistant_id) or not self._records.exist:
            return assistant_id or assistant
        known = self._recall(assistant_id)
        if known is None:
            known = (await self._look_up(assistant_id, request, trace),)
        graph = known[0]
        if graph is None:
            raise RouterError(404, Reason.UNKNOWN_ASSISTANT, "Thread or assistant not found.")
        if self._pools.current.find(graph) is None:
            detail = f"assistant {assistant_id} is of graph '{graph}', which is not in the fleet"
            raise RouterError(422, Reason.UNKNOWN_ASSISTANT, detail)
        return graph

    def remember(self, assistant_id: str, graph: str | None) -> None:
        """What the assistant is of, as a worker told; None: there is no such assistant."""
        seconds = _MISSING_SECONDS if graph is None else _KNOWN_SECONDS
        self._entries[assistant_id] = (graph, self._clock() + seconds)
        self._entries.move_to_end(assistant_id)
        if len(self._entries) > _ENTRIES:
            self._entries.popitem(last=False)

    def _recall(self, assistant_id: str) -> tuple[str | None] | None:
        found = self._entries.get(assistant_id)
        if found is None or found[1] < self._clock():
            return None
        return (found[0],)

    async def _look_up(
        self, assistant_id: str, request: Request, trace: TraceContext
    ) -> str | None:
        target = f"/assistants/{assistant_id}".encode()
        reply = await self._records.ask(request, b"", trace, method="GET", target=target)
        if reply.status == 404:
            graph = None
        elif reply.status == 200:
            graph = str(json.loads(reply.body)["graph_id"])
        else:
            detail = f"whose assistant {assistant_id} is cannot be asked now: {reply.status}"
            raise retry_later(503, Reason.POOL_UNAVAILABLE, detail)
        self.remember(assistant_id, graph)
        return graph


def parse_uuid(text: str) -> str | None:
    """The UUID in its usual spelling, or None when it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
