"""The traces that this worker keeps: its runs, and the spans of one trace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.telemetry.run_filters import InvalidFilter, parse_filters
from graphwarden.worker.errors import invalid
from graphwarden.worker.routes.bodies import answer_json, get_service

if TYPE_CHECKING:
    from graphwarden.telemetry.pipeline import Store


async def list_traces(request: Request) -> Response:
    """`GET /traces`: the runs of this worker's traces, the newest first."""
    store = _find_store(request)
    if store is None:
        return answer_json({"kept": False, "runs": []})
    try:
        wanted = parse_filters(request.query_params, datetime.now(UTC))
    except InvalidFilter as error:
        raise invalid(str(error)) from None
    found = [run for run in reversed(store.list_runs()) if wanted.fits(run)]
    return answer_json({"kept": True, "runs": found[: wanted.limit]})


async def get_trace(request: Request) -> Response:
    """`GET /traces/{trace_id}`: its spans, by their start; none where it is not known here."""
    store = _find_store(request)
    trace_id = request.path_params["trace_id"].lower()
    spans, left_out = store.find(trace_id) if store is not None else ([], 0)
    spans.sort(key=lambda span: (span["started_at"], span["span_id"]))
    return answer_json({"trace_id": trace_id, "spans": spans, "left_out": left_out})


def _find_store(request: Request) -> Store | None:
    spans = get_service(request).observer.spans
    return spans.tracing.store if spans is not None else None


ROUTES = [
    Route("/traces", list_traces, methods=["GET"]),
    Route("/traces/{trace_id}", get_trace, methods=["GET"]),
]
