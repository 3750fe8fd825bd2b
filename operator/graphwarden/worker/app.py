"""The worker's HTTP application: the whole stack, from the outside in."""

from __future__ import annotations

from importlib.metadata import version

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from graphwarden.worker.openapi import make_document, render_page
from graphwarden.worker.rings import RequestRing, ServiceRing
from graphwarden.worker.routes import (
    assistants,
    crons,
    drawings,
    mcp,
    meta,
    pages,
    protocol,
    runs,
    states,
    store,
    thread_runs,
    thread_streams,
    threads,
    traces,
)
from graphwarden.worker.routes.bodies import answer_json
from graphwarden.worker.service import Service

# `useStream` in a browser takes the run id from content-location, and pages by the other two.
_EXPOSED = [
    "content-location",
    "location",
    "x-pagination-total",
    "x-pagination-next",
    "x-trace-id",
    "idempotent-replayed",
]


def make_document_routes(routes: list[Route]) -> list[Route]:
    """`/openapi.json` and `/docs`, of these routes and themselves."""

    async def openapi(request: Request) -> Response:
        """`GET /openapi.json`: this document."""
        return answer_json(document)

    async def docs(request: Request) -> Response:
        """`GET /docs`: this document, for people."""
        return Response(page, media_type="text/html")

    own = [
        Route("/openapi.json", openapi, methods=["GET"]),
        Route("/docs", docs, methods=["GET"]),
    ]
    document = make_document([*routes, *own], version("graphwarden"))
    page = render_page(document)
    return own


def list_routes() -> list[Route]:
    """All that a worker serves."""
    routes = [
        *crons.ROUTES,
        *runs.ROUTES,
        *thread_runs.ROUTES,
        *threads.ROUTES,
        *states.ROUTES,
        *assistants.ROUTES,
        *drawings.ROUTES,
        *store.ROUTES,
        *meta.ROUTES,
        *protocol.ROUTES,
        *thread_streams.ROUTES,
        *mcp.ROUTES,
        *pages.ROUTES,
        *traces.ROUTES,
    ]
    return routes + make_document_routes(routes)


def make_app(service: Service) -> ASGIApp:
    """The application of one worker."""
    routes = list_routes()
    app: ASGIApp = Router(routes, redirect_slashes=False)
    app = ServiceRing(app, service)
    app = RequestRing(app, service.observer, service.admission)
    return CORSMiddleware(
        app,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        allow_private_network=True,
    )
