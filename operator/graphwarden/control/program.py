"""The running operator: watches mark pools, a loop takes the marks, a timer marks everything."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import kopf

from graphwarden.api.fleet import ObjectKey
from graphwarden.control import metrics
from graphwarden.control.cluster import ApiError, connect, explain
from graphwarden.control.handlers import make_operator_settings, make_registry
from graphwarden.control.health import Health, serve
from graphwarden.control.queue import EVERYTHING, FLEET, Queue
from graphwarden.control.reconcile import Reconciler
from graphwarden.control.settings import Settings
from graphwarden.control.sight import Sight
from graphwarden.control.world import World, find_changed_pools
from graphwarden.telemetry import logs

log = logging.getLogger(__name__)

_RESYNC_SECONDS: Final = 60.0
_PASSES_AT_ONCE: Final = 8
_LONGEST_REST_SECONDS: Final = 1.0
# An API server that is away is no pool's fault: be there soon after it is back.
_LONGEST_OUTAGE_SECONDS: Final = 5.0


@dataclass
class Loop:
    """Takes marked pools, reads the fleet once for all of them, and passes over each.

    `references` and `last` only save work: the resync finds whatever they would miss.
    """

    reconciler: Reconciler
    queue: Queue
    sight: Sight
    health: Health
    references: set[ObjectKey] = field(default_factory=set)
    last: World = field(default_factory=World)
    _passes: set[asyncio.Task[None]] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PASSES_AT_ONCE))

    async def run(self) -> None:
        """Work until cancelled; the passes that are under way are cancelled with it."""
        try:
            while True:
                await self.take_batch()
        finally:
            for task in self._passes:
                task.cancel()

    async def take_batch(self) -> None:
        """One reading of the fleet, and a pass for each pool that is due."""
        keys = await self.queue.take()
        started = time.monotonic()
        try:
            world = await self.reconciler.read_world(self.last, self._set_references)
            if EVERYTHING in keys:
                await self._mark_everything(world)
        except Exception as error:
            # Whatever it was, the marks must not be lost: each is tried again after its delay.
            delay = max(self.queue.fail(key, _LONGEST_OUTAGE_SECONDS) for key in keys)
            metrics.RECONCILE_ERRORS.labels("", "").inc()
            text = "the fleet could not be read; trying again in %.1f s: %s"
            log.error(text, delay, explain(error), exc_info=_find_bug(error))
            return
        for key in find_changed_pools(self.last, world) - keys:
            self.queue.mark(key)
        self._forget_graphs(world)
        self.last = world
        for key in keys:
            if key in (FLEET, EVERYTHING):
                self.queue.finish(key)
            else:
                task = asyncio.create_task(self._pass(world, key))
                self._passes.add(task)
                task.add_done_callback(self._passes.discard)
        # In a storm of events, reading the fleet takes at most half of the time.
        await asyncio.sleep(min(time.monotonic() - started, _LONGEST_REST_SECONDS))

    async def _mark_everything(self, world: World) -> None:
        self.sight.note_list(world.graphs.values(), time.monotonic())
        for key in world.pool_keys() | await self.reconciler.cluster.list_pool_keys():
            self.queue.mark(key)
        self.health.in_step = True

    async def _pass(self, world: World, key: ObjectKey) -> None:
        async with self._slots:
            started = time.monotonic()
            outcome = "failed"
            try:
                settled = await self.reconciler.reconcile(world, key)
                outcome = "settled" if settled else "loading"
                self.queue.finish(key, settled=settled)
            except Exception as error:
                # The edge of a pass: one pool that fails is tried again, the others go on.
                delay = self.queue.fail(key)
                metrics.RECONCILE_ERRORS.labels(*key).inc()
                text = "pool %s/%s failed; trying again in %.1f s: %s"
                log.error(text, *key, delay, explain(error), exc_info=_find_bug(error))
            finally:
                seconds = time.monotonic() - started
                metrics.RECONCILE_DURATION.labels(outcome).observe(seconds)

    def _set_references(self, references: set[ObjectKey]) -> None:
        self.references = references

    def _forget_graphs(self, world: World) -> None:
        graphs = self.reconciler.collector.graphs
        for key in graphs.keys() - world.graphs.keys():
            del graphs[key]


def _find_bug(error: Exception) -> Exception | None:
    """The error when its traceback helps: not when the API server, or the way to it, said no."""
    return None if isinstance(error, ApiError | aiohttp.ClientError | TimeoutError) else error


async def mark_periodically(queue: Queue) -> None:
    """Have everything looked at now, and every minute."""
    while True:
        queue.mark(EVERYTHING)
        await asyncio.sleep(_RESYNC_SECONDS)


async def run_operator(settings: Settings, stop_flag: asyncio.Event | None = None) -> None:
    """Run until SIGTERM, SIGINT or `stop_flag`."""
    queue, sight = Queue(), Sight()
    health = Health(queue, sight, time.monotonic)
    collector = metrics.FleetCollector()
    metrics.register(collector)
    async with (
        connect(settings.namespaces) as cluster,
        aiohttp.ClientSession() as workers,
        serve(health, metrics_port=settings.metrics_port, health_port=settings.health_port),
    ):
        loop = Loop(Reconciler(cluster, workers, settings, collector), queue, sight, health)
        watching = kopf.operator(
            registry=make_registry(queue, sight, lambda key: key in loop.references),
            settings=make_operator_settings(),
            standalone=True,
            # Otherwise kopf asks for the user's name, and a container's user need not have one.
            identity=settings.instance,  # type: ignore[arg-type]
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            stop_flag=stop_flag,
        )
        tasks = [
            asyncio.create_task(watching, name="watches"),
            asyncio.create_task(loop.run(), name="passes"),
            asyncio.create_task(mark_periodically(queue), name="resync"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()


def run(settings: Settings) -> None:
    """Run the operator in this process."""
    logs.configure(settings.log_format, settings.log_level, service="graphwarden-operator")
    # kopf tells of every event it handed on.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    asyncio.run(run_operator(settings))
