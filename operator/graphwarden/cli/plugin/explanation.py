"""Where a call of an assistant would go, and why: the router's own judgement. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from graphwarden.api.conditions import ACCEPTED, Loaded, Ready
from graphwarden.api.fleet import precedence
from graphwarden.api.graphspec import GraphSpec
from graphwarden.api.meta import find_condition
from graphwarden.api.names import assistant_uuid
from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable
from graphwarden.cli.plugin.gauges import Gauges, RouterView
from graphwarden.router.address import check_callable, find_assistant
from graphwarden.router.errors import RouterError
from graphwarden.router.table import make_table

Outcome = Literal["sent", "held", "refused"]


@dataclass(frozen=True)
class Explanation:
    """What would become of a call now; `status` is HTTP's where it is refused in the end."""

    assistant: str
    outcome: Outcome
    status: int
    reason: str
    why: str
    facts: Mapping[str, str] = field(default_factory=dict)


def explain(
    assistant: str,
    bodies: Sequence[Mapping[str, Any]],
    table: RouteTable,
    view: RouterView,
    where: str = "here",
) -> Explanation:
    """The fate of a call.

    Args:
        assistant: the name or the UUID that a caller would write.
        bodies: every GraphSpec that can be seen.
        table: the route table that the router makes of them.
        view: the router's figures, as far as it could be asked.
        where: what the GraphSpecs are all of, in words.
    """
    claims = _find_claims(assistant, bodies)
    if claims:  # it may have been named by its GraphSpec
        assistant = claims[0].spec.assistant_id
    facts = {f"GraphSpec {'/'.join(c.key)}": _spell_claim(c, claims) for c in claims}
    try:
        name, route = find_assistant(make_table(table), assistant)
    except RouterError as error:
        if claims:
            why = "no GraphSpec of that assistantID is accepted, so the router does not know it"
        else:
            known = ", ".join(sorted(table.assistants)) or "none"
            why = f"no GraphSpec {where} has that assistantID; accepted {where}: {known}"
        return Explanation(assistant, "refused", error.status, error.reason, why, facts)
    pool = table.pools[route.pool]
    pool = pool.model_copy(update={"max_queued": pool.max_queued * view.routers})
    gauges = view.pools.get(route.pool)
    facts |= _spell_pool(route, pool, claims, gauges)
    try:
        check_callable(name, route)
    except RouterError as error:
        return Explanation(name, "refused", error.status, error.reason, error.detail, facts)
    outcome, status, reason, why = _foresee(route, pool, gauges)
    return Explanation(name, outcome, status, reason, why, facts)


def _find_claims(assistant: str, bodies: Sequence[Mapping[str, Any]]) -> list[GraphSpec]:
    """The GraphSpecs of that assistantID, the owner first."""
    graphs = []
    for body in bodies:
        try:
            graph = GraphSpec.model_validate(body)
        except ValidationError:
            continue  # of a newer CRD; the operator says so in its status
        if assistant in (
            graph.spec.assistant_id,
            graph.metadata.name,
        ) or assistant.lower() == assistant_uuid(graph.spec.assistant_id):
            graphs.append(graph)
    exact = [graph for graph in graphs if graph.spec.assistant_id == assistant]
    return sorted(exact or graphs, key=precedence)


def _spell_claim(graph: GraphSpec, claims: Sequence[GraphSpec]) -> str:
    accepted = find_condition(graph.status.conditions, ACCEPTED)
    if accepted is None:
        return "not looked at by the operator yet"
    if accepted.status != "True":
        return f"not accepted: {accepted.reason}: {accepted.message}"
    rivals = ["/".join(other.key) for other in claims if other is not graph]
    if not rivals:
        return f"accepted as {graph.spec.assistant_id}, and nobody else asks for that name"
    since = graph.metadata.creation_timestamp
    when = f" ({since:%Y-%m-%d %H:%M:%S})" if since else ""
    return f"accepted; it wins over {', '.join(rivals)}, being the older one{when}"


def _spell_pool(
    route: AssistantRoute, pool: PoolRoute, claims: Sequence[GraphSpec], gauges: Gauges | None
) -> dict[str, str]:
    places = len(pool.endpoints) * pool.concurrency_per_replica
    owner = next(
        (g for g in claims if f"{g.metadata.namespace}/{g.status.pool}" == route.pool), None
    )
    asked = owner.spec.capability if owner else route.pool.rpartition("/")[2]
    loaded = owner.status.loaded if owner else ""
    moving = "" if route.pool.endswith(f"/{asked}") else f"; it moves to {asked}"
    facts = {
        f"Pool {route.pool}": f"named by `capability: {asked}` of that GraphSpec{moving}",
        "Pods": f"{len(pool.endpoints)} ready, loaded on {loaded or 'none'}",
    }
    if gauges is None:
        facts["Queue"] = (
            f"the router's figures cannot be had; {places} places, {pool.max_queued} may wait"
        )
    else:
        facts["Queue"] = (
            f"{gauges.in_flight} of {places} places taken, "
            f"{gauges.queued} of {pool.max_queued} waiting"
        )
        if gauges.breaker == "open":
            facts["Breaker"] = "open: a worker that lost call after call gets none for a while"
    return facts


def _foresee(
    route: AssistantRoute, pool: PoolRoute, gauges: Gauges | None
) -> tuple[Outcome, int, str, str]:
    places = len(pool.endpoints) * pool.concurrency_per_replica
    counts = gauges or Gauges()
    full = counts.in_flight >= places or counts.queued > 0
    if full and counts.queued >= pool.max_queued:
        why = "every place is taken and so is the queue; callers get Retry-After"
        return "refused", 429, "QueueFull", why
    if not pool.endpoints:
        wait = f"held up to {pool.cold_start_wait_seconds:g} s for a worker"
        if route.reason == Ready.SCALED_TO_ZERO or route.ready:
            return "held", 503, "PoolUnavailable", f"{wait}: the pool sleeps and is woken"
        said = f" ({route.reason}: {route.message})" if route.reason else ""
        return "held", 503, "PoolUnavailable", f"{wait}: the pool has none{said}"
    if not route.ready and route.reason == Loaded.PENDING:
        why = f"held up to {pool.max_wait_seconds:g} s while the workers load the graph"
        return "held", 503, "GraphNotLoaded", why
    if full:
        why = f"held up to {pool.max_wait_seconds:g} s for a place, in turn with others"
        return "held", 429, "QueueFull", why
    return "sent", 200, "", "sent to the least busy of the workers at once"
