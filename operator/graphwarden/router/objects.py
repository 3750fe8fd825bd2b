"""From Kubernetes objects to the route table. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from graphwarden.api import names
from graphwarden.api.conditions import ACCEPTED, LOADED, READY, Accepted, Loaded
from graphwarden.api.graphpool import GraphPool, GraphPoolSpec
from graphwarden.api.graphspec import GraphSpec
from graphwarden.api.meta import find_condition
from graphwarden.api.table import (
    AssistantRoute,
    PoolRoute,
    RouteTable,
    make_assistant_route,
    make_pool_route,
)

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Graph:
    """What the table takes from a GraphSpec."""

    pool: tuple[str, str]
    resumable: bool
    assistant_id: str
    route: AssistantRoute


class KnownGraphs:
    """GraphSpecs that were read before: of a thousand, one change makes one to be read again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Manifest, _Graph | None]] = {}

    def read(self, bodies: Iterable[Manifest]) -> list[_Graph]:
        """What the table takes from each that the operator accepted."""
        read: dict[tuple[str, str], tuple[Manifest, _Graph | None]] = {}
        for body in bodies:
            key = (body["metadata"].get("namespace", ""), body["metadata"]["name"])
            known = self._known.get(key)
            # An object that changed comes as another value.
            read[key] = known if known is not None and known[0] is body else (body, _read(body))
        self._known = read
        return [graph for _, graph in read.values() if graph is not None]


def make_route_table(
    graphs: Iterable[Manifest],
    graphpools: Iterable[Manifest],
    slices: Iterable[Manifest],
    generation: int,
    known: KnownGraphs | None = None,
) -> RouteTable:
    """The table of the GraphSpecs that the operator accepted, and of their pools' ready pods.

    Pools are named `namespace/capability`. Objects that these models cannot read are left out, as
    the operator reports them.
    """
    settings = {(n, c): spec for n, c, spec in map(_parse_pool, graphpools) if spec is not None}
    endpoints = _collect_endpoints(slices)
    assistants: dict[str, AssistantRoute] = {}
    pools: dict[str, PoolRoute] = {}
    stored: defaultdict[tuple[str, str], bool] = defaultdict(bool)
    for graph in (known or KnownGraphs()).read(graphs):
        stored[graph.pool] |= graph.resumable
        assistants[graph.assistant_id] = graph.route
    for (namespace, capability), is_needed in stored.items():
        spec = settings.get((namespace, capability), GraphPoolSpec())
        pools[f"{namespace}/{capability}"] = make_pool_route(
            namespace,
            spec,
            sorted(endpoints[namespace, capability]),
            has_storage=is_needed or spec.storage.secret_ref is not None,
        )
    return RouteTable(generation=generation, pools=pools, assistants=assistants)


def _read(body: Manifest) -> _Graph | None:
    try:
        graph = GraphSpec.model_validate(body)
    except ValidationError:
        return None
    route = _make_assistant(graph)
    if route is None:
        return None
    pool = (graph.metadata.namespace, graph.status.pool or graph.spec.capability)
    return _Graph(pool, graph.spec.resumable, graph.spec.assistant_id, route)


def _parse_pool(body: Manifest) -> tuple[str, str, GraphPoolSpec | None]:
    meta = body["metadata"]
    try:
        return meta["namespace"], meta["name"], GraphPool.model_validate(body).spec
    except ValidationError:
        return meta["namespace"], meta["name"], None


def _make_assistant(graph: GraphSpec) -> AssistantRoute | None:
    accepted = find_condition(graph.status.conditions, ACCEPTED)
    if accepted is None:
        return None
    suspended = accepted.reason == Accepted.SUSPENDED
    if accepted.status != "True" and not suspended:
        return None
    capability = graph.status.pool or graph.spec.capability
    ready = find_condition(graph.status.conditions, READY)
    loaded = find_condition(graph.status.conditions, LOADED)
    told = loaded if loaded is not None and loaded.status == "False" else ready
    reason, message = (told.reason, told.message) if told else (Loaded.PENDING, "")
    if told is not None and told.observed_generation < graph.metadata.generation:
        # What is said of an older generation must not keep callers from a mended graph.
        reason, message = Loaded.PENDING, ""
    is_ready = ready is not None and ready.status == "True"
    route = make_assistant_route(
        graph,
        f"{graph.metadata.namespace}/{capability}",
        ready=is_ready and not suspended,
        reason=None if is_ready else (accepted.reason if suspended else reason),
        message=None if is_ready else (accepted.message if suspended else message),
    )
    created = graph.metadata.creation_timestamp
    return route.model_copy(
        update={"suspended": suspended, "created_at": created.isoformat() if created else None}
    )


def _collect_endpoints(slices: Iterable[Manifest]) -> defaultdict[tuple[str, str], set[str]]:
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for body in slices:
        meta = body["metadata"]
        capability = (meta.get("labels") or {}).get(names.LABEL_POOL)
        ports = [p["port"] for p in body.get("ports") or () if p.get("port")]
        if not capability or not ports:
            continue
        for endpoint in body.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            # An unknown readiness is to be read as ready (discovery.k8s.io/v1).
            if conditions.get("ready") is not False:
                for address in endpoint.get("addresses") or ():
                    host = f"[{address}]" if ":" in address else address
                    found[meta["namespace"], capability].add(f"{host}:{ports[0]}")
    return found
