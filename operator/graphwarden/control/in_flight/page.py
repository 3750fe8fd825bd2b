"""The runs in flight as plain JSON, for KEDA's `metrics-api` trigger."""

from __future__ import annotations

from aiohttp import web

from graphwarden.control.cluster import ApiError, explain
from graphwarden.control.in_flight.counts import Counts, RoutersSilent

PATH = "/in-flight/{namespace}/{capability}"


def make_route(counts: Counts) -> web.RouteDef:
    """`GET /in-flight/NAMESPACE/CAPABILITY` gives `{"value": 3}`; 503 while nobody can tell."""

    async def answer(request: web.Request) -> web.Response:
        key = request.match_info["namespace"], request.match_info["capability"]
        try:
            _, found = await counts.read()
        except RoutersSilent as error:
            return web.json_response({"detail": str(error)}, status=503)
        except ApiError as error:
            return web.json_response({"detail": explain(error)}, status=503)
        return web.json_response({"value": found[key]})

    return web.get(PATH, answer)
