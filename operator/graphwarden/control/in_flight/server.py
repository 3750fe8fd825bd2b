"""The aggregated API's server: discovery, and the values of one metric."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from graphwarden.control.cluster import ApiError, explain
from graphwarden.control.in_flight import metric
from graphwarden.control.in_flight.counts import Counts, RoutersSilent
from graphwarden.control.in_flight.trust import FrontProxy, Reviews

log = logging.getLogger(__name__)

_ROOT: Final = f"/apis/{metric.GROUP}/{metric.VERSION}"


@dataclass
class Server:
    """Answers the API server's front proxy."""

    counts: Counts
    reviews: Reviews
    proxy: FrontProxy

    def make_app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=0)
        app.router.add_get(_ROOT, self.discover)
        app.router.add_get(f"{_ROOT}/namespaces/{{namespace}}/{{metric}}", self.read)
        return app

    async def discover(self, request: web.Request) -> web.Response:
        """`GET /apis/external.metrics.k8s.io/v1beta1`."""
        if self._find_user(request) is None:
            return _refuse(401, "Unauthorized", "only the API server's front proxy may ask")
        return web.json_response(metric.render_discovery())

    async def read(self, request: web.Request) -> web.Response:
        """`GET .../namespaces/{namespace}/{metric}?labelSelector=capability%3D...`."""
        user = self._find_user(request)
        if user is None:
            return _refuse(401, "Unauthorized", "only the API server's front proxy may ask")
        namespace, name = request.match_info["namespace"], request.match_info["metric"]
        if name != metric.METRIC:
            return _refuse(404, "NotFound", f"there is no metric {name}; there is {metric.METRIC}")
        try:
            capabilities = metric.parse_selector(request.query.get("labelSelector", ""))
            if not await self.reviews.allow(*user, namespace, name):
                told = f"user {user[0]!r} may not get {name} in namespace {namespace}"
                return _refuse(403, "Forbidden", told)
            at, counts = await self.counts.read()
        except metric.BadSelector as error:
            return _refuse(400, "BadRequest", str(error))
        except RoutersSilent as error:
            return _refuse(503, "ServiceUnavailable", str(error))
        except ApiError as error:
            log.warning("a metric could not be read: %s", explain(error))
            return _refuse(503, "ServiceUnavailable", explain(error))
        return web.json_response(metric.render_values(counts, namespace, capabilities, at))

    def _find_user(self, request: web.Request) -> tuple[str, tuple[str, ...]] | None:
        transport = request.transport
        if transport is None or not self.proxy.knows(transport.get_extra_info("peercert")):
            return None
        names = [
            value for key in self.proxy.user_headers for value in request.headers.getall(key, [])
        ]
        groups = [g for key in self.proxy.group_headers for g in request.headers.getall(key, [])]
        return (names[0], tuple(sorted(groups))) if names else None


def _refuse(code: int, reason: str, message: str) -> web.Response:
    body: Any = metric.render_status(code, reason, message)
    return web.json_response(body, status=code)


@asynccontextmanager
async def serve(server: Server, tls: ssl.SSLContext, port: int) -> AsyncIterator[None]:
    """Serve for as long as the block lasts."""
    runner = web.AppRunner(server.make_app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()
