"""The story: read, decide, write, say. Every event, timer and restart ends in `reconcile`."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from graphwarden.api import names
from graphwarden.api.fleet import ObjectKey
from graphwarden.control.apply_patch import is_refusal
from graphwarden.control.cluster import ApiError, Cluster, explain, find_message
from graphwarden.control.deletion_cost import is_scale_in_near, plan_costs
from graphwarden.control.desired import make_children
from graphwarden.control.desired.registry import make_registry_revision
from graphwarden.control.events import make_events
from graphwarden.control.findings import Finding
from graphwarden.control.kinds import SCALERS, Manifest, identify
from graphwarden.control.metrics import FleetCollector, GraphFigures
from graphwarden.control.observed import Observed, find_termination_message, parse_pods
from graphwarden.control.plan import Apply, Cost, Delete, HandOver, Step, Touch, describe, plan
from graphwarden.control.pool_status import make_pool_status
from graphwarden.control.rollout import Rollout, plan_rollout
from graphwarden.control.settings import Settings
from graphwarden.control.status import Load, is_written, make_graph_status, make_load
from graphwarden.control.tables import fetch_load_tables
from graphwarden.control.world import World, find_references, make_world, read_field

log = logging.getLogger(__name__)


_WRITES_AT_ONCE: Final = 8


class Refused(Exception):
    """The cluster will not take a child as it should be; said in the conditions already."""


def _chunks(
    items: list[tuple[Manifest, dict[str, Any]]], size: int
) -> Iterator[list[tuple[Manifest, dict[str, Any]]]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Reconciler:
    """What a pass needs from outside; it remembers nothing between passes."""

    cluster: Cluster
    workers: aiohttp.ClientSession
    settings: Settings
    collector: FleetCollector
    clock: Callable[[], datetime] = _utc_now

    async def read_world(
        self, previous: World, on_references: Callable[[set[ObjectKey]], None]
    ) -> World:
        """Every spec of the fleet, settled; `previous` saves the parsing of what is unchanged.

        `on_references` learns which ConfigMaps matter before they are read, so that a change of
        one of them cannot fall between the reading and the watching.
        """
        graphs = await self.cluster.list_graphs()
        graphpools = await self.cluster.list_graphpools()
        references = find_references(graphs)
        on_references(references)
        config_maps = await self.cluster.read_config_maps(references)
        return make_world(
            graphs,
            graphpools,
            config_maps,
            policy=self.settings.policy,
            defaults=self.settings.defaults,
            previous=previous,
        )

    async def reconcile(self, world: World, key: ObjectKey) -> bool:
        """Bring one pool to what the world asks for. False: look again soon, graphs are loading."""
        pool = world.fleet.pools.get(key)
        observed = await self.observe(key)
        rollout, steps = Rollout([]), list[Step]()
        if not world.is_held(key):
            if pool is not None:
                rollout = plan_rollout(pool, make_children(pool), observed)
                steps += plan_costs(pool, observed)
            revision = make_registry_revision(pool) if pool else ""
            steps += plan(rollout.children, observed, revision, rollout.held)
        if any(isinstance(step, Apply) for step in steps) and not await self._has_owner(
            key[0], rollout.children
        ):
            # Children made now would be collected while their own children are being made.
            return False
        trouble = await self.carry_out_all(key[0], steps)
        rows = pool.registry.graphs if pool else []
        loads = {row.assistant_id: make_load(row, observed) for row in rows}
        await self.report(world, key, observed, loads, rollout.finding, trouble)
        if trouble is not None:
            raise Refused(trouble)
        changes_scaler = any(isinstance(s, Delete) and s.kind in SCALERS for s in steps)
        looks_on = pool is not None and is_scale_in_near(pool, observed)
        waiting = any(load.waiting for load in loads.values())
        return not (waiting or changes_scaler or looks_on)

    async def carry_out_all(self, namespace: str, steps: Iterable[Step]) -> str | None:
        """Do every step that the cluster allows; the first that it does not, as a sentence."""
        trouble = None
        for step in steps:
            try:
                await self.carry_out(namespace, step)
            except ApiError as error:
                if not is_refusal(error.status, find_message(error)):
                    raise
                trouble = trouble or f"The cluster refused {describe(step)}: {explain(error)}"
        return trouble

    async def _has_owner(self, namespace: str, children: Sequence[Manifest]) -> bool:
        """Whether an owner of these children is still there: reading the pool took a while."""
        for owner in children[0]["metadata"]["ownerReferences"] if children else []:
            if await self.cluster.is_there(owner["kind"], namespace, owner["name"], owner["uid"]):
                return True
        return False

    async def observe(self, key: ObjectKey) -> Observed:
        """The live children, pods and load tables of one pool."""
        children = await self.cluster.list_children(key)
        observed = Observed(children, parse_pods(await self.cluster.list_pods(key)))
        job = observed.failed_preflight
        if job is not None:
            report = find_termination_message(await self.cluster.list_job_pods(key[0], job))
            observed = replace(observed, preflight_report=report)
        tables = await fetch_load_tables(self.workers, observed.running_pods)
        return replace(observed, tables=tables)

    async def carry_out(self, namespace: str, step: Step) -> None:
        """Do one step of a plan."""
        match step:
            case Apply(body, reason):
                kind, name = identify(body)
                log.info("applying %s %s/%s: %s", kind, namespace, name, reason)
                await self.cluster.apply(body)
            case HandOver(name, replicas):
                log.info("leaving replicas of %s/%s at %d", namespace, name, replicas)
                await self.cluster.hand_over_replicas(namespace, name, replicas)
            case Delete(kind, name, uid):
                log.info("deleting %s %s/%s: not wanted any more", kind, namespace, name)
                await self.cluster.delete(kind, namespace, name, uid)
            case Touch(pod, revision):
                annotation = names.ANNOTATION_REGISTRY_REVISION
                await self.cluster.annotate_pod(namespace, pod, annotation, revision)
            case Cost(pod, cost):
                annotation = names.ANNOTATION_DELETION_COST
                await self.cluster.annotate_pod(namespace, pod, annotation, cost or None)

    async def report(
        self,
        world: World,
        key: ObjectKey,
        observed: Observed,
        loads: dict[str, Load],
        rollout: Finding | None = None,
        trouble: str | None = None,
    ) -> None:
        """Write the status of the pool and of every GraphSpec that names it."""
        pool = world.fleet.pools.get(key)
        now = self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        statuses: list[tuple[Manifest, dict[str, Any]]] = []
        for graph_key, body in world.graphs_of(key):
            verdict = world.verdict(graph_key)
            assistant_id = str(read_field(body, "spec", "assistantID") or "")
            load = loads.get(assistant_id, Load()) if verdict.accepted else Load()
            status = make_graph_status(
                body, verdict, load, pool, url=self.settings.run_url, now=now, trouble=trouble
            )
            statuses.append((body, status))
            ready = any(
                c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"]
            )
            self.collector.graphs[graph_key] = GraphFigures(assistant_id, key[1], ready)
        graphpool = world.graphpools.get(key)
        if graphpool is not None:
            invalid = world.invalid_pools.get(key)
            status = make_pool_status(
                graphpool,
                pool,
                loads,
                observed,
                invalid=invalid,
                now=now,
                rollout=rollout,
                trouble=trouble,
            )
            statuses.append((graphpool, status))
        for batch in _chunks(statuses, _WRITES_AT_ONCE):
            await asyncio.gather(*(self.write_status(body, status) for body, status in batch))

    async def write_status(self, body: Manifest, status: dict[str, Any]) -> None:
        """Write a status that differs from the live one, and say in Events what changed."""
        if is_written(body, status):
            return
        await self.cluster.write_status(body, status)
        events = make_events(
            body,
            status,
            now=self.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            instance=self.settings.instance,
            suffix=secrets.token_hex(6),
        )
        for event in events:
            log.info(
                "%s %s/%s: %s: %s",
                body["kind"],
                body["metadata"]["namespace"],
                body["metadata"]["name"],
                event["reason"],
                event["note"],
            )
            await self.cluster.post_event(event)
