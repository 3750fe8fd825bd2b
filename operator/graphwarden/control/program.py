"""The running operator: watches mark pools, a loop takes the marks, a timer marks everything."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import kopf

from graphwarden.api.fleet import ObjectKey
from graphwarden.control import metrics
from graphwarden.control.cluster import ApiError, Cluster, connect, explain
from graphwarden.control.handlers import make_operator_settings, make_registry
from graphwarden.control.health import Health, serve
from graphwarden.control.in_flight.counts import Counts
from graphwarden.control.in_flight.page import make_route
from graphwarden.control.in_flight.server import Server
from graphwarden.control.in_flight.server import serve as serve_metrics_api
from graphwarden.control.in_flight.trust import (
    NoFrontProxy,
    Reviews,
    make_tls,
    parse_front_proxy,
)
from graphwarden.control.queue import EVERYTHING, FLEET, Queue
from graphwarden.control.reconcile import Reconciler, Refused
from graphwarden.control.settings import Settings, SettingsError
from graphwarden.control.sight import Sight
from graphwarden.control.skew import find_skew
from graphwarden.control.world import World, find_changed_pools
from graphwarden.telemetry import logs

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 10.0
_SKEW_SECONDS: Final = 600.0
_NO_BUGS: Final = (ApiError, Refused, aiohttp.ClientError, TimeoutError)
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
    return None if isinstance(error, _NO_BUGS) else error


@asynccontextmanager
async def serve_external_metrics(
    cluster: Cluster, counts: Counts, settings: Settings
) -> AsyncIterator[None]:
    """Tell autoscalers of the runs in flight, for as long as the block lasts.

    Raises:
        SettingsError: the cluster or the certificate does not allow it.
    """
    try:
        proxy = parse_front_proxy(await cluster.read_front_proxy())
        tls = make_tls(proxy, settings.external_metrics_tls)
    except (NoFrontProxy, OSError) as error:
        raise SettingsError(f"external metrics cannot be served: {error}") from error
    server = Server(counts, Reviews(cluster), proxy)
    async with serve_metrics_api(server, tls, settings.external_metrics_port):
        yield


async def mark_periodically(queue: Queue, seconds: float) -> None:
    """Have everything looked at now, and again and again."""
    while True:
        queue.mark(EVERYTHING)
        await asyncio.sleep(seconds)


async def run_operator(settings: Settings, stop_flag: asyncio.Event | None = None) -> None:
    """Run until SIGTERM, SIGINT or `stop_flag`."""
    queue, sight = Queue(), Sight()
    health = Health(queue, sight, time.monotonic)
    collector = metrics.FleetCollector()
    metrics.register(collector)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(connect(settings.namespaces, settings.children))
        workers = await stack.enter_async_context(aiohttp.ClientSession())
        counts = Counts(cluster, workers, settings.own_namespace)
        await stack.enter_async_context(
            serve(
                health,
                metrics_port=settings.metrics_port,
                health_port=settings.health_port,
                figures=[make_route(counts)] if settings.policy.keda_url else [],
            )
        )
        if settings.external_metrics_port:
            await stack.enter_async_context(serve_external_metrics(cluster, counts, settings))
        loop = Loop(Reconciler(cluster, workers, settings, collector), queue, sight, health)
        watching = kopf.operator(
            registry=make_registry(
                queue, sight, lambda key: key in loop.references, settings.children
            ),
            settings=make_operator_settings(settings.children),
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
            asyncio.create_task(tell_skew(cluster), name="skew"),
            asyncio.create_task(mark_periodically(queue, settings.resync_seconds), name="resync"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()


async def tell_skew(cluster: Cluster) -> None:
    """Say in log and metrics whether the cluster's definitions are those of this program."""
    while True:
        try:
            found = find_skew(await cluster.read_schemas())
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("the definitions could not be read: %s", explain(error))
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        for skew in found:
            metrics.CRD_SKEW.labels(skew.kind, "older").set(bool(skew.missing))
            metrics.CRD_SKEW.labels(skew.kind, "newer").set(bool(skew.unknown))
            if (sentence := skew.explain()) is not None:
                log.warning("%s", sentence)
        await asyncio.sleep(_SKEW_SECONDS)


def run(settings: Settings) -> None:
    """Run the operator in this process."""
    logs.configure(settings.log_format, settings.log_level, service="graphwarden-operator")
    # kopf tells of every event it handed on.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    asyncio.run(run_operator(settings))
