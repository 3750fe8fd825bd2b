"""What the router answers itself: its health, the assistants of the table, and the fleet."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
from typing import Any
from urllib.parse import unquote

from graphwarden.api import names
from graphwarden.api.errors import Reason
from graphwarden.api.table import AssistantRoute
from graphwarden.router.address import find_assistant
from graphwarden.router.answers import render_answer
from graphwarden.router.endpoints import ConnectFailed, Upstreams
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.metrics import Metrics
from graphwarden.router.pools import Pools
from graphwarden.router.request import Request
from graphwarden.telemetry.trace import TraceContext

_LOOK_SECONDS = 2.0
_PROTOCOL_VERSION = "0.16.7"
_EPOCH = "1970-01-01T00:00:00+00:00"
_SORT_FIELDS = {"assistant_id", "graph_id", "name", "created_at", "updated_at"}


class OwnAnswers:
    """The endpoints that no worker is asked for, but `/graphs`, which asks them all."""

    def __init__(self, pools: Pools, upstreams: Upstreams, metrics: Metrics) -> None:
        self._pools = pools
        self._upstreams = upstreams
        self._metrics = metrics
        self.draining = False

    async def answer(self, request: Request, body: bytes, trace: TraceContext) -> bytes:
        """The whole answer.

        Raises:
            RouterError: an error answer.
        """
        headers: dict[str, str] = {}
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
                text = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}
                return render_answer(request, 200, self._metrics.render(), trace.trace_id, text)
            case "/graphs":
                value = await self._make_fleet_view()
            case "/assistants/search":
                value = self._search(_parse_query(body), headers)
            case "/assistants/count":
                value = len(self._filter(_parse_query(body)))
            case path:
                value = self._get_assistant(unquote(path.removeprefix("/assistants/")))
        encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return render_answer(request, 200, encoded, trace.trace_id, headers)

    def _check_ready(self) -> dict[str, Any]:
        if self.draining:
            raise retry_later(503, Reason.DRAINING, "the router is shutting down")
        if self._pools.table is None:
            raise retry_later(503, Reason.POOL_UNAVAILABLE, "the router has no route table yet")
        return {"ready": True, "generation": self._pools.current.generation}

    def _get_assistant(self, assistant: str) -> dict[str, Any]:
        try:
            name, route = find_assistant(self._pools.current, assistant)
        except RouterError as error:
            detail = f"Assistant '{assistant}' not found"
            raise RouterError(404, Reason.UNKNOWN_ASSISTANT, detail) from error
        return make_assistant(name, route)

    def _filter(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        table = self._pools.current
        found = [make_assistant(name, route) for name, route in sorted(table.assistants.items())]
        return [assistant for assistant in found if _matches(assistant, query)]

    def _search(self, query: dict[str, Any], headers: dict[str, str]) -> list[dict[str, Any]]:
        found = self._filter(query)
        key = query.get("sort_by") or "created_at"
        descending = (query.get("sort_order") or "desc").lower() == "desc"
        found.sort(key=lambda assistant: str(assistant[key]), reverse=descending)
        offset, limit = query.get("offset") or 0, query.get("limit") or 10
        headers["x-pagination-total"] = str(len(found))
        if offset + limit < len(found):
            headers["x-pagination-next"] = str(offset + limit)
        page = found[offset : offset + limit]
        select = query.get("select")
        return [{k: v for k, v in a.items() if k in select} for a in page] if select else page

    async def _make_fleet_view(self) -> dict[str, Any]:
        table = self._pools.current
        endpoints = sorted({e for pool in table.pools.values() for e in pool.endpoints})
        answers = await asyncio.gather(*(self._look(endpoint) for endpoint in endpoints))
        loads = dict(zip(endpoints, answers, strict=True))
        graphs = []
        for name, route in sorted(table.assistants.items()):
            pool = table.pools.get(route.pool)
            ours = pool.endpoints if pool else []
            rows = [r for r in (loads[e].get(name) for e in ours) if r is not None]
            graphs.append(_make_graph_line(name, route, len(ours), rows))
        pools = [
            {
                "name": name,
                "endpoints": len(table.pools[name].endpoints) if name in table.pools else 0,
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


def make_assistant(name: str, route: AssistantRoute) -> dict[str, Any]:
    """The default assistant of a graph, as LangGraph clients know it."""
    return {
        "assistant_id": names.assistant_uuid(name),
        "graph_id": name,
        "config": {},
        "context": dict(route.context),
        # Studio looks for assistants that the system made.
        "metadata": {
            "created_by": "system",
            "capability": route.pool.rsplit("/", 1)[-1],
            "resumable": route.resumable,
        },
        "name": name,
        "description": None,
        "version": route.generation,
        "created_at": route.created_at or _EPOCH,
        "updated_at": route.updated_at or route.created_at or _EPOCH,
    }


def _make_info() -> dict[str, Any]:
    return {
        # Studio and other clients compare this with the LangGraph servers that they know.
        "version": _PROTOCOL_VERSION,
        "graphwarden_version": importlib.metadata.version("graphwarden"),
        "flags": {"assistants": True, "crons": False, "langsmith": False},
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


def _parse_query(body: bytes) -> dict[str, Any]:
    try:
        query = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RouterError(
            400, Reason.INVALID_JSON, f"the body is not valid JSON: {error}"
        ) from error
    if not isinstance(query, dict):
        raise RouterError(422, Reason.INVALID_REQUEST, "the body must be a JSON object")
    for field, low, high in (("limit", 1, 1000), ("offset", 0, 10**9)):
        value = query.get(field)
        if value is not None and (type(value) is not int or not low <= value <= high):
            detail = f"{field} must be a whole number from {low} to {high}"
            raise RouterError(422, Reason.INVALID_REQUEST, detail)
    for field, kind, word in (
        ("metadata", dict, "an object"),
        ("graph_id", str, "a string"),
        ("name", str, "a string"),
        ("select", list, "a list"),
        ("sort_by", str, "a string"),
        ("sort_order", str, "a string"),
    ):
        if query.get(field) is not None and not isinstance(query[field], kind):
            raise RouterError(422, Reason.INVALID_REQUEST, f"{field} must be {word}")
    if query.get("sort_by") is not None and query["sort_by"] not in _SORT_FIELDS:
        detail = f"sort_by must be one of {', '.join(sorted(_SORT_FIELDS))}"
        raise RouterError(422, Reason.INVALID_REQUEST, detail)
    return query


def _matches(assistant: dict[str, Any], query: dict[str, Any]) -> bool:
    metadata = query.get("metadata") or {}
    graph_id, name = query.get("graph_id"), query.get("name")
    return (
        all(assistant["metadata"].get(key) == value for key, value in metadata.items())
        and graph_id in (None, assistant["graph_id"])
        and (name is None or name.lower() in assistant["name"].lower())
    )
