"""What a worker says about itself: alive, ready, its load table, its metrics."""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.worker.routes.bodies import answer_json, get_service

# The LangGraph API spoken here. Studio compares it, and takes an old one for an old server.
_API_VERSION = "0.16.7"
_OK = b'{"ok":true,"services":{}}'


async def ok(request: Request) -> Response:
    """`GET /ok` and `GET /`."""
    return Response(_OK, media_type="application/json")


async def live(request: Request) -> Response:
    """`GET /live`: the event loop turns."""
    return answer_json({"live": True})


async def ready(request: Request) -> Response:
    """`GET /ready`: at least one graph is loaded and the worker is not shutting down."""
    service = get_service(request)
    state = {"ready": service.ready, "draining": service.admission.draining}
    return answer_json(state, 200 if service.ready else 503)


async def info(request: Request) -> Response:
    """`GET /info`, as clients of a LangGraph server read it."""
    return answer_json(
        {
            "version": _API_VERSION,
            "graphwarden_version": version("graphwarden"),
            "langgraph_py_version": version("langgraph"),
            "flags": {"assistants": True, "crons": True, "langsmith": False},
            "host": {"kind": "self-hosted"},
        }
    )


async def graphs(request: Request) -> Response:
    """`GET /graphs`: the load table, which the operator copies into conditions."""
    service = get_service(request)
    slots = sorted(service.graphs.slots.items())
    return answer_json(
        {
            "version": 1,
            "capability": service.settings.capability,
            "draining": service.admission.draining,
            "in_flight": service.admission.in_flight,
            "limit": service.admission.limit,
            "registry_problem": service.registry.problem,
            "graphs": [slot.describe() for _, slot in slots],
        }
    )


async def metrics(request: Request) -> Response:
    """`GET /metrics`: Prometheus, or OpenMetrics where that is asked for, with exemplars."""
    asked = request.headers.get("accept", "")
    text, content_type = get_service(request).metrics.render(asked)
    return Response(text, headers={"content-type": content_type})


ROUTES = [
    Route("/", ok, methods=["GET"]),
    Route("/ok", ok, methods=["GET"]),
    Route("/live", live, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
    Route("/info", info, methods=["GET"]),
    Route("/graphs", graphs, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]
