"""What the operator says of a GraphSpec. Pure: time comes in as an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphwarden.api.conditions import ACCEPTED, LOADED, READY, Loaded, Ready
from graphwarden.api.fleet import Pool, Verdict
from graphwarden.api.graphpool import ScalingMode
from graphwarden.api.registry import Row
from graphwarden.control.findings import Finding
from graphwarden.control.kinds import Manifest
from graphwarden.control.observed import LoadRow, Observed


@dataclass(frozen=True)
class Load:
    """How far one graph came in the pods of its pool.

    `loaded` of `ready` pods built this generation; `callable_pods` serve the graph in any
    generation; `failures` are the rows of running pods that gave up on this generation; `waiting`
    is the number of running pods that have yet to say.
    """

    ready: int = 0
    loaded: int = 0
    callable_pods: int = 0
    failures: tuple[LoadRow, ...] = ()
    waiting: int = 0


def make_load(row: Row, observed: Observed) -> Load:
    """Count what the load tables say of one graph."""
    loaded = callable_pods = waiting = 0
    failures: list[LoadRow] = []
    for pod in observed.running_pods:
        table = observed.tables.get(pod.name)
        seen = table.find(row.assistant_id) if table else None
        current = seen is not None and seen.generation == row.generation
        if seen is None or not (current and (seen.loaded or _has_failed(seen))):
            waiting += 1
        elif not seen.loaded:
            failures.append(seen)
        if pod.ready and seen is not None and seen.loaded:
            callable_pods += 1
            loaded += current
    return Load(len(observed.ready_pods), loaded, callable_pods, tuple(failures), waiting)


def _has_failed(row: LoadRow) -> bool:
    return row.reason not in (None, "", Loaded.PENDING)


def judge_loaded(verdict: Verdict, load: Load) -> Finding:
    """The condition `Loaded`."""
    if not verdict.accepted:
        return Finding(LOADED, "False", Loaded.NOT_ACCEPTED, verdict.message)
    if load.ready and load.loaded == load.ready:
        return Finding(LOADED, "True", Loaded.LOADED, "Every ready replica has loaded the graph.")
    if load.failures:
        first = load.failures[0]
        detail = first.message or "The worker gave no message; look at its log."
        if load.loaded:
            message = f"{load.loaded} of {load.ready} ready replicas; {first.reason}: {detail}"
            return Finding(LOADED, "False", Loaded.PARTIALLY_LOADED, message)
        return Finding(LOADED, "False", first.reason or Loaded.PENDING, detail)
    if load.ready:
        message = f"{load.loaded} of {load.ready} ready replicas have loaded this generation."
    else:
        message = "No replica of the pool is ready yet."
    return Finding(LOADED, "False", Loaded.PENDING, message)


def judge_ready(
    verdict: Verdict, loaded: Finding, load: Load, pool: Pool | None, trouble: str | None = None
) -> Finding:
    """The condition `Ready`: whether a call through the router is answered now.

    `trouble` says why the pool's children could not be written.
    """
    if not verdict.accepted or pool is None:
        return Finding(READY, "False", verdict.reason, verdict.message)
    if load.callable_pods:
        return Finding(READY, "True", Ready.READY, "The graph answers calls.")
    if load.ready == 0 and not load.failures:
        return _judge_empty_pool(pool, trouble)
    if loaded.status == "True":
        return Finding(READY, "False", Loaded.PENDING, loaded.message)
    return Finding(READY, "False", loaded.reason, loaded.message)


def _judge_empty_pool(pool: Pool, trouble: str | None) -> Finding:
    scaling = pool.spec.scaling
    if pool.may_sleep:
        message = "The pool sleeps; the router holds calls while it wakes."
        return Finding(READY, "True", Ready.SCALED_TO_ZERO, message)
    if scaling.mode is ScalingMode.NONE and pool.spec.replicas == 0:
        message = f"Pool {pool.capability} is set to 0 replicas; scale its GraphPool up."
        return Finding(READY, "False", Ready.SCALED_TO_ZERO, message)
    message = f"Pool {pool.capability} has no ready replica" + (f": {trouble}" if trouble else ".")
    return Finding(READY, "False", Ready.POOL_UNAVAILABLE, message)


def make_graph_status(
    graph: Manifest,
    verdict: Verdict,
    load: Load,
    pool: Pool | None,
    *,
    url: str,
    now: str,
    trouble: str | None = None,
) -> dict[str, Any]:
    """The whole status of one GraphSpec. `now` is RFC 3339; `url` is where runs are posted."""
    loaded = judge_loaded(verdict, load)
    findings = [
        Finding(ACCEPTED, "True" if verdict.accepted else "False", verdict.reason, verdict.message),
        loaded,
        judge_ready(verdict, loaded, load, pool, trouble),
    ]
    return {
        "observedGeneration": graph["metadata"].get("generation", 0),
        "pool": pool.capability if verdict.accepted and pool else "",
        "url": url if verdict.accepted else "",
        "loaded": f"{load.loaded}/{load.ready}" if verdict.accepted else "",
        "conditions": make_conditions(graph, findings, now),
    }


def make_conditions(body: Manifest, findings: Sequence[Finding], now: str) -> list[dict[str, Any]]:
    """Conditions with the object's generation; the time moves only when the status does."""
    live = (body.get("status") or {}).get("conditions") or []
    before = {condition.get("type"): condition for condition in live}
    generation = body["metadata"].get("generation", 0)
    return [_make_condition(f, before.get(f.kind) or {}, generation, now) for f in findings]


def _make_condition(
    finding: Finding, before: dict[str, Any], generation: int, now: str
) -> dict[str, Any]:
    same = before.get("status") == finding.status and before.get("lastTransitionTime")
    return {
        "type": finding.kind,
        "status": finding.status,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same else now,
        "reason": finding.reason,
        "message": finding.message,
    }


def is_written(body: Manifest, status: dict[str, Any]) -> bool:
    """Whether the live object carries this status already."""
    live = body.get("status") or {}
    return all(live.get(field) == value for field, value in status.items())
