"""Everything in a fleet that is not ready, with the reason and the remedy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from graphwarden.api import names
from graphwarden.api.conditions import DEGRADED, LOADED, READY, SCALING_ACTIVE, Loaded
from graphwarden.cli.plugin.pods import Manifest, Trouble, find_condition, find_pod_trouble
from graphwarden.cli.plugin.remedies import NOT_SEEN, find_remedy

PoolKey = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """One object that needs somebody."""

    kind: str
    namespace: str
    name: str
    pool: str
    reason: str
    message: str
    remedy: str


def find_troubles(
    graphs: Iterable[Manifest], graphpools: Iterable[Manifest], pods: Iterable[Manifest] = ()
) -> list[Finding]:
    """What is wrong: GraphPools, then GraphSpecs, each by name, then pods that explain them."""
    found = [
        *_judge("GraphPool", graphpools, judge_graphpool),
        *_judge("GraphSpec", graphs, judge_graph),
    ]
    pools = {(finding.namespace, finding.pool) for finding in found}
    return found + [
        _make_finding("Pod", pod, trouble)
        for pod in sorted(pods, key=_key)
        if find_pool(pod) in pools and (trouble := find_pod_trouble(pod)) is not None
    ]


def judge_graph(graph: Manifest) -> Trouble | None:
    """Why a graph cannot be called, or is not what its GraphSpec says."""
    ready = _read(graph, READY)
    if ready is None:
        return _not_seen(graph)
    if ready.get("status") != "True":
        return _make_trouble(ready)
    loaded = find_condition(graph, LOADED)
    if loaded.get("status") == "False" and loaded.get("reason") not in (None, Loaded.PENDING):
        return _make_trouble(loaded)
    return None


def judge_graphpool(graphpool: Manifest) -> Trouble | None:
    """Why a pool takes no calls, does not scale, or needs a person."""
    ready = _read(graphpool, READY)
    if ready is None:
        return _not_seen(graphpool)
    degraded = find_condition(graphpool, DEGRADED)
    if degraded.get("status") == "True":
        return _make_trouble(degraded)
    if ready.get("status") != "True":
        return _make_trouble(ready)
    scaling = find_condition(graphpool, SCALING_ACTIVE)
    at_rest = scaling.get("status") != "False" or scaling.get("reason") == "ScalingDisabled"
    return None if at_rest else _make_trouble(scaling)


def find_pool(body: Manifest) -> PoolKey:
    """Namespace and capability that an object belongs to."""
    meta, spec = body["metadata"], body.get("spec") or {}
    match body.get("kind"):
        case "GraphPool":
            pool = meta["name"]
        case "GraphSpec":
            pool = (body.get("status") or {}).get("pool") or spec.get("capability", "")
        case _:  # items of the API server's own kinds do not name their kind in a list
            pool = (meta.get("labels") or {}).get(names.LABEL_POOL, "")
    return meta.get("namespace", ""), pool


def _judge(
    kind: str, bodies: Iterable[Manifest], judge: Callable[[Manifest], Trouble | None]
) -> Iterator[Finding]:
    for body in sorted(bodies, key=_key):
        trouble = judge(body)
        if trouble is not None:
            yield _make_finding(kind, body, trouble)


def _make_finding(kind: str, body: Manifest, trouble: Trouble) -> Finding:
    meta = body["metadata"]
    namespace, pool = find_pool(body)
    remedy = find_remedy(
        trouble.reason,
        kind=kind,
        name=meta["name"],
        pool=pool,
        deployment=names.make_pool_name(pool),
    )
    return Finding(kind, namespace, meta["name"], pool, trouble.reason, trouble.message, remedy)


def _read(body: Manifest, kind: str) -> Manifest | None:
    """The condition, unless it speaks of an older generation."""
    found = find_condition(body, kind)
    seen = found.get("observedGeneration", 0)
    return found if found and seen >= body["metadata"].get("generation", 0) else None


def _not_seen(body: Manifest) -> Trouble:
    known = "this generation" if (body.get("status") or {}).get("conditions") else "it"
    return Trouble(NOT_SEEN, f"The operator has not said anything of {known} yet.")


def _make_trouble(condition: Manifest) -> Trouble:
    return Trouble(str(condition.get("reason", "")), str(condition.get("message", "")))


def _key(body: Manifest) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]
