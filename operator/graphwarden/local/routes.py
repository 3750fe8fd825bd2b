"""What the router and the user are told of the running pools. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphwarden.api.conditions import Accepted, Loaded
from graphwarden.api.fleet import Pool
from graphwarden.api.graphspec import GraphSpec
from graphwarden.api.table import (
    AssistantRoute,
    PoolRoute,
    RouteTable,
    make_assistant_route,
    make_pool_route,
)
from graphwarden.local.folder import Folder

Graph = Mapping[str, Any]


@dataclass(frozen=True)
class PoolState:
    """One running pool: its settings, the workers that answer, and their graphs by assistant id."""

    pool: Pool
    endpoints: tuple[str, ...] = ()
    graphs: Mapping[str, Graph] | None = None
    message: str = ""


@dataclass(frozen=True)
class GraphLine:
    """One graph as the user sees it."""

    assistant_id: str
    pool: str
    state: Literal["ready", "loading", "failed", "refused"]
    reason: str = ""
    message: str = ""


def make_table(folder: Folder, states: Mapping[str, PoolState], generation: int) -> RouteTable:
    """The route table of this moment."""
    pools: dict[str, PoolRoute] = {}
    assistants: dict[str, AssistantRoute] = {}
    for name, state in states.items():
        pools[name] = make_pool_route(
            state.pool.namespace, state.pool.spec, list(state.endpoints), has_storage=True
        )
        for graph in state.pool.graphs:
            line = _make_line(graph, name, state)
            assistants[graph.spec.assistant_id] = make_assistant_route(
                graph,
                name,
                ready=line.state == "ready",
                reason=line.reason or None,
                message=line.message or None,
            )
    for graph in folder.graphs:
        verdict = folder.fleet.verdicts[graph.key]
        if verdict.reason == Accepted.SUSPENDED:
            pool = graph.spec.capability
            pools.setdefault(pool, PoolRoute(namespace=graph.metadata.namespace))
            assistants[graph.spec.assistant_id] = make_assistant_route(
                graph, pool, ready=False, reason=verdict.reason, message=verdict.message
            )
    return RouteTable(generation=generation, pools=pools, assistants=assistants)


def make_lines(folder: Folder, states: Mapping[str, PoolState]) -> list[GraphLine]:
    """One line per GraphSpec, sorted by pool and name."""
    lines = [
        _make_line(graph, name, state)
        for name, state in states.items()
        for graph in state.pool.graphs
    ]
    for graph in folder.graphs:
        verdict = folder.fleet.verdicts[graph.key]
        if not verdict.accepted:
            spec = graph.spec
            lines.append(
                GraphLine(
                    spec.assistant_id, spec.capability, "refused", verdict.reason, verdict.message
                )
            )
    return sorted(lines, key=lambda line: (line.pool, line.assistant_id, line.state))


def _make_line(graph: GraphSpec, pool: str, state: PoolState) -> GraphLine:
    assistant_id = graph.spec.assistant_id
    row = (state.graphs or {}).get(assistant_id)
    if not state.endpoints:
        return GraphLine(assistant_id, pool, "loading", "PoolUnavailable", state.message)
    if row is None or row["reason"] == Loaded.PENDING:
        return GraphLine(assistant_id, pool, "loading", Loaded.PENDING)
    if row["loaded"]:
        return GraphLine(assistant_id, pool, "ready")
    return GraphLine(assistant_id, pool, "failed", row["reason"] or "", row["message"] or "")
