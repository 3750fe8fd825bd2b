"""One line per pool, out of what the cluster and the router say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphwarden.api.conditions import LOADED
from graphwarden.api.table import PoolRoute, RouteTable
from graphwarden.cli.plugin.gauges import Gauges, RouterView
from graphwarden.cli.plugin.pods import (
    Manifest,
    Trouble,
    find_condition,
    find_pod_trouble,
    is_ready,
)
from graphwarden.cli.plugin.troubles import PoolKey, find_pool, judge_graph, judge_graphpool


@dataclass(frozen=True)
class Snapshot:
    """What the API server has of a fleet, and how many things the caller may not see."""

    graphs: Sequence[Manifest] = ()
    graphpools: Sequence[Manifest] = ()
    deployments: Sequence[Manifest] = ()
    autoscalers: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    slices: Sequence[Manifest] = ()
    unseen: Sequence[str] = ()


@dataclass(frozen=True)
class PoolLine:
    """One pool. `limit` and the router's figures are None where they cannot be known."""

    namespace: str
    pool: str
    ready: int
    wanted: int
    bounds: str
    loaded: int
    graphs: int
    in_flight: int | None = None
    limit: int | None = None
    queued: int | None = None
    max_queued: int | None = None
    breaker: str | None = None
    errors: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing of the pool needs anybody."""
        return not self.errors and self.ready >= self.wanted


def make_pool_lines(snapshot: Snapshot, table: RouteTable, router: RouterView) -> list[PoolLine]:
    """Every pool that a GraphSpec or a GraphPool names, by namespace and name."""
    groups = _Groups(snapshot)
    return [_make_line(key, groups, table, router) for key in sorted(groups.keys)]


class _Groups:
    """The objects by pool."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.graphs = _group(snapshot.graphs)
        self.graphpools = _group(snapshot.graphpools)
        self.deployments = _group(snapshot.deployments)
        self.autoscalers = _group(snapshot.autoscalers)
        self.pods = _group(snapshot.pods)
        self.keys = self.graphs.keys() | self.graphpools.keys() | self.deployments.keys()


def _group(bodies: Iterable[Manifest]) -> dict[PoolKey, list[Manifest]]:
    groups: dict[PoolKey, list[Manifest]] = {}
    for body in bodies:
        groups.setdefault(find_pool(body), []).append(body)
    return groups


def _make_line(key: PoolKey, groups: _Groups, table: RouteTable, router: RouterView) -> PoolLine:
    namespace, pool = key
    pods = groups.pods.get(key, [])
    graphs = groups.graphs.get(key, [])
    deployment = next(iter(groups.deployments.get(key, [])), None)
    name = "/".join(key)
    gauges = router.pools.get(name, None if router.silence else Gauges())
    route = table.pools.get(name)
    return PoolLine(
        namespace,
        pool,
        ready=_count_ready(deployment, pods),
        wanted=((deployment or {}).get("spec") or {}).get("replicas", 1) if deployment else 0,
        bounds=_spell_bounds(groups.autoscalers.get(key, [])),
        loaded=sum(find_condition(graph, LOADED).get("status") == "True" for graph in graphs),
        graphs=len(graphs),
        in_flight=gauges.in_flight if gauges else None,
        queued=gauges.queued if gauges else None,
        breaker=gauges.breaker if gauges else None,
        limit=_count_places(route) if route else None,
        max_queued=route.max_queued * router.routers if route else None,
        errors=list(_list_errors(graphs, groups.graphpools.get(key, []), pods)),
    )


def _count_ready(deployment: Manifest | None, pods: Sequence[Manifest]) -> int:
    told = ((deployment or {}).get("status") or {}).get("readyReplicas", 0)
    return sum(map(is_ready, pods)) if pods else int(told)


def _count_places(route: PoolRoute) -> int:
    return len(route.endpoints) * route.concurrency_per_replica


def _spell_bounds(autoscalers: Sequence[Manifest]) -> str:
    spec: Mapping[str, object] = next((a.get("spec") or {} for a in autoscalers), {})
    return f"{spec.get('minReplicas', 1)}-{spec['maxReplicas']}" if "maxReplicas" in spec else ""


def _list_errors(
    graphs: Sequence[Manifest], graphpools: Sequence[Manifest], pods: Sequence[Manifest]
) -> list[str]:
    """The worst first: what keeps pods from running, then graphs, then what the pool says."""
    found: list[str] = []
    for bodies, judge, kind in (
        (pods, find_pod_trouble, "pod "),
        (graphs, judge_graph, ""),
        (graphpools, judge_graphpool, ""),
    ):
        found += _judge_all(bodies, judge, kind)
    return list(dict.fromkeys(found))


def _judge_all(
    bodies: Sequence[Manifest], judge: Callable[[Manifest], Trouble | None], kind: str
) -> list[str]:
    return [
        f"{kind}{body['metadata']['name']}: {trouble.reason}: {trouble.message}".removesuffix(": ")
        for body in bodies
        if (trouble := judge(body)) is not None
    ]
