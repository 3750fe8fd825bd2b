"""The operator's own HTTP servers: metrics, liveness, readiness."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from graphwarden.control.queue import Queue
from graphwarden.control.sight import Sight

_STUCK_AFTER_SECONDS: Final = 120.0


@dataclass
class Health:
    """What the probes ask. `in_step` turns true after the first look at everything."""

    queue: Queue
    sight: Sight
    clock: Callable[[], float]
    in_step: bool = False

    def find_fault(self) -> str | None:
        """Why this process should be restarted, as a sentence; None: it should not."""
        waited = self.queue.overdue_seconds()
        if waited > _STUCK_AFTER_SECONDS:
            return f"a pool has been waiting for its pass for {waited:.0f} s"
        return self.sight.find_blindness(self.clock())


@asynccontextmanager
async def serve(
    health: Health, *, metrics_port: int, health_port: int, figures: Sequence[web.RouteDef] = ()
) -> AsyncIterator[None]:
    """Serve both ports for as long as the context lasts; `figures` are told beside the metrics."""

    async def healthz(_: web.Request) -> web.Response:
        fault = health.find_fault()
        return web.Response(text=fault or "ok", status=503 if fault else 200)

    async def readyz(_: web.Request) -> web.Response:
        text = "ok" if health.in_step else "the fleet has not been read yet"
        return web.Response(text=text, status=200 if health.in_step else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    probes = web.Application()
    probes.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    told = web.Application()
    told.add_routes([web.get("/metrics", metrics), *figures])
    async with _listen(probes, health_port), _listen(told, metrics_port):
        yield


@asynccontextmanager
async def _listen(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
