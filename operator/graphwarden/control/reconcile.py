"""The story: read, decide, write, say. Every event, timer and restart ends in `reconcile`."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from graphwarden.api import names
from graphwarden.api.fleet import ObjectKey
from graphwarden.control.cluster import Cluster
from graphwarden.control.desired import make_children
from graphwarden.control.desired.registry import make_registry_revision
from graphwarden.control.events import make_events
from graphwarden.control.kinds import Manifest, identify
from graphwarden.control.metrics import FleetCollector, GraphFigures
from graphwarden.control.observed import Observed, parse_pods
from graphwarden.control.plan import Apply, Delete, HandOver, Step, Touch, plan
from graphwarden.control.pool_status import make_pool_status
from graphwarden.control.settings import Settings
from graphwarden.control.status import Load, is_written, make_graph_status, make_load
from graphwarden.control.tables import fetch_load_tables
from graphwarden.control.world import World, find_references, make_world, read_field

log = logging.getLogger(__name__)


_WRITES_AT_ONCE: Final = 8


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
        if not world.is_held(key):
            desired = make_children(pool) if pool else []
            revision = make_registry_revision(pool) if pool else ""
            for step in plan(desired, observed, revision):
                await self.carry_out(key[0], step)
        rows = pool.registry.graphs if pool else []
        loads = {row.assistant_id: make_load(row, observed) for row in rows}
        await self.report(world, key, observed, loads)
        return not any(load.waiting for load in loads.values())

    async def observe(self, key: ObjectKey) -> Observed:
        """The live children, pods and load tables of one pool."""
        children = await self.cluster.list_children(key)
        observed = Observed(children, parse_pods(await self.cluster.list_pods(key)))
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

    async def report(
        self, world: World, key: ObjectKey, observed: Observed, loads: dict[str, Load]
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
                body, verdict, load, pool, url=self.settings.run_url, now=now
            )
            statuses.append((body, status))
            ready = any(
                c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"]
            )
            self.collector.graphs[graph_key] = GraphFigures(assistant_id, key[1], ready)
        graphpool = world.graphpools.get(key)
        if graphpool is not None:
            invalid = world.invalid_pools.get(key)
            status = make_pool_status(graphpool, pool, loads, observed, invalid=invalid, now=now)
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
