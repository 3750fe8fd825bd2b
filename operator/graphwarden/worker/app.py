"""The worker's HTTP application: the whole stack, from the outside in."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp

from graphwarden.worker.rings import RequestRing, ServiceRing
from graphwarden.worker.routes import assistants, meta, runs, states, thread_runs, threads
from graphwarden.worker.service import Service

# `useStream` in a browser takes the run id from content-location, and pages by the other two.
_EXPOSED = ["content-location", "location", "x-pagination-total", "x-pagination-next", "x-trace-id"]


def make_app(service: Service) -> ASGIApp:
    """The application of one worker."""
    routes = [
        *runs.ROUTES,
        *thread_runs.ROUTES,
        *threads.ROUTES,
        *states.ROUTES,
        *assistants.ROUTES,
        *meta.ROUTES,
    ]
    app: ASGIApp = Router(routes, redirect_slashes=False)
    app = ServiceRing(app, service)
    app = RequestRing(app, service.metrics)
    return CORSMiddleware(
        app,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        allow_private_network=True,
    )
