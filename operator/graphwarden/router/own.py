"""What the router answers itself: its health, the assistants, and the fleet."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import time
from typing import TYPE_CHECKING, Any

from graphwarden.api import mcp
from graphwarden.api.errors import Reason
from graphwarden.api.table import AssistantRoute
from graphwarden.router.answers import render_answer
from graphwarden.router.assistants import Assistants
from graphwarden.router.batch import run_batch
from graphwarden.router.directory import Directory
from graphwarden.router.endpoints import ConnectFailed, Upstreams
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.metrics import Metrics
from graphwarden.router.pools import Pools
from graphwarden.router.records import Records
from graphwarden.router.request import Request
from graphwarden.router.tools import Tools
from graphwarden.router.traces import Traces, is_traces
from graphwarden.telemetry.trace import TraceContext

if TYPE_CHECKING:
    from graphwarden.telemetry.pipeline import Store

_LOOK_SECONDS = 2.0
_PROTOCOL_VERSION = "0.16.7"


class OwnAnswers:
    """The endpoints that no worker is asked for, but `/graphs`, which asks them all."""

    def __init__(
        self, pools: Pools, upstreams: Upstreams, metrics: Metrics, store: Store | None = None
    ) -> None:
        self._pools = pools
        self._upstreams = upstreams
        self._metrics = metrics
        records = self._records = Records(pools, upstreams)
        self.directory = Directory(pools, records, time.monotonic)
        self._assistants = Assistants(pools, records, self.directory)
        self._tools = Tools(pools, records)
        self._traces = Traces(pools, upstreams, store)
        self.draining = False

    async def answer(self, request: Request, body: bytes, trace: TraceContext) -> bytes:
        """The whole answer.

        Raises:
            RouterError: an error answer.
        """
        value: Any
        match request.path:
            case "/" | "/ok":
                value = {"ok": True, "services": {}}
            case "/info":
                value = _make_info()
            case "/live":
                value = {"live": True}
            case "/ready":
                value = self._check_ready()
            case "/metrics":
                text, kind = self._metrics.render(request.header(b"accept") or "")
                told = {"content-type": kind}
                return render_answer(request, 200, text, trace.trace_id, told)
            case path if is_traces(path):
                value = await self._traces.answer(request)
            case "/graphs":
                value = await self.make_fleet_view()
            case _:
                if self._pools.table is None:
                    raise _no_table()
                if request.path == mcp.PATH:
                    reply = await self._tools.answer(request, body, trace)
                elif request.path == "/runs/batch":
                    reply = await run_batch(
                        request, self._pools, self._records, self.directory, trace
                    )
                else:
                    reply = await self._assistants.answer(request, body, trace)
                return render_answer(
                    request, reply.status, reply.body, trace.trace_id, reply.headers
                )
        encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return render_answer(request, 200, encoded, trace.trace_id)

    def _check_ready(self) -> dict[str, Any]:
        if self.draining:
            raise retry_later(503, Reason.DRAINING, "the router is shutting down")
        if self._pools.table is None:
            raise _no_table()
        return {"ready": True, "generation": self._pools.current.generation}

    async def make_fleet_view(self) -> dict[str, Any]:
        """The graphs and the pools, as `/graphs` and the console tell them.

        Raises:
            RouterError: there is no table yet.
        """
        table, now = self._pools.current, time.monotonic()
        endpoints = sorted({e for pool in table.pools.values() for e in pool.endpoints})
        answers = await asyncio.gather(*(self._look(endpoint) for endpoint in endpoints))
        loads = dict(zip(endpoints, answers, strict=True))
        graphs = []
        for name, route in sorted(table.assistants.items()):
            pool = table.pools.get(route.pool)
            ours = pool.endpoints if pool else []
            rows = [r for r in (loads[e].get(name) for e in ours) if r is not None]
            graphs.append(_make_graph_line(name, route, len(ours), rows))
        breakers = self._upstreams.breakers
        endpoints_of = {name: pool.endpoints for name, pool in table.pools.items()}
        pools = [
            {
                "name": name,
                "endpoints": len(endpoints_of.get(name, ())),
                "tripped": sum(
                    breakers.closed_to(endpoint, now) for endpoint in endpoints_of.get(name, ())
                ),
                "in_flight": bulkhead.in_flight,
                "queued": bulkhead.queued,
                "limit": bulkhead.limit,
            }
            for name, bulkhead in self._pools.counts()
        ]
        return {"graphs": graphs, "pools": pools}

    async def _look(self, endpoint: str) -> dict[str, dict[str, Any]]:
        try:
            document = json.loads(await self._upstreams.fetch(endpoint, "/graphs", _LOOK_SECONDS))
            return {graph["assistant_id"]: graph for graph in document["graphs"]}
        except (ConnectFailed, ValueError, KeyError, TypeError):
            # A worker that does not tell counts as one that has loaded nothing.
            return {}


def _no_table() -> RouterError:
    return retry_later(503, Reason.POOL_UNAVAILABLE, "the router has no route table yet")


def _make_info() -> dict[str, Any]:
    return {
        # Studio and other clients compare this with the LangGraph servers that they know.
        "version": _PROTOCOL_VERSION,
        "graphwarden_version": importlib.metadata.version("graphwarden"),
        "flags": {"assistants": True, "crons": True, "langsmith": False},
        "host": {"kind": "self-hosted", "project_id": None},
        "metadata": {"server": "graphwarden"},
    }


def _make_graph_line(
    name: str, route: AssistantRoute, replicas: int, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    loaded = [row for row in rows if row.get("loaded")]
    failed = next((row for row in rows if not row.get("loaded")), None)
    reason = (failed or {}).get("reason") or (None if loaded else route.reason)
    message = (failed or {}).get("message") or (None if loaded else route.message)
    return {
        "assistant_id": name,
        "pool": route.pool,
        "generation": route.generation,
        "resumable": route.resumable,
        "replicas": replicas,
        "loaded": f"{len(loaded)}/{replicas}",
        "ready": bool(loaded) and not route.suspended,
        "reason": reason if reason or loaded else "PoolUnavailable",
        "message": message,
        "in_flight": sum(row.get("in_flight", 0) for row in rows),
    }
