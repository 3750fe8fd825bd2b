"""The runs of a thread, looked at from outside: list, read, wait for the end, stop."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.api import names
from graphwarden.api.errors import Reason
from graphwarden.worker.answers import WaitAnswer
from graphwarden.worker.errors import ApiError, misdirected, unsupported
from graphwarden.worker.inflight import InFlight, RunHandle
from graphwarden.worker.routes.bodies import answer_json, get_service, parse_count
from graphwarden.worker.routes.threads import fetch_thread
from graphwarden.worker.runs import Outcome, Run
from graphwarden.worker.service import Service

_POLL_SECONDS = 0.25
_NOTHING_TO_CANCEL = (
    "No matching runs to cancel. Please verify the thread ID and run IDs are correct, and the "
    "runs haven't been deleted or completed."
)


async def list_runs(request: Request) -> Response:
    """`GET /threads/{thread_id}/runs`: newest first."""
    thread = await fetch_thread(request)
    query = request.query_params
    found = (
        await get_service(request)
        .require_storage()
        .records.list_runs(
            thread.thread_id,
            limit=parse_count(query.get("limit"), "limit", 10, 1000),
            offset=parse_count(query.get("offset"), "offset", 0, 2**31),
            status=query.get("status"),
        )
    )
    return answer_json([_render(run) for run in found])


async def read_run(request: Request) -> Response:
    """`GET /threads/{thread_id}/runs/{run_id}`: clients ask after a stream that broke off."""
    return answer_json(_render(await _fetch_run(request)))


async def join_run(request: Request) -> ASGIApp:
    """`GET /threads/{thread_id}/runs/{run_id}/join`: the result, whoever runs it."""
    service = get_service(request)
    run = await _fetch_run(request)
    # A task of its own, apart from the runs: joining takes no place and is not drained.
    handle = RunHandle(run.run_id, run.thread_id, cancel_on_disconnect=True)
    handle.begin(_wait_for_end(service, run))
    place = f"/threads/{run.thread_id}/runs/{run.run_id}"
    headers = {"location": f"{place}/join", "content-location": place}
    return WaitAnswer(handle, headers, service.settings.heartbeat_seconds)


async def cancel_run(request: Request) -> Response:
    """`POST /threads/{thread_id}/runs/{run_id}/cancel?wait=0|1`."""
    service = get_service(request)
    if request.query_params.get("action", "interrupt") != "interrupt":
        raise unsupported("action", "a run is interrupted where it stands, not rolled back")
    run = await _fetch_run(request)
    if run.status not in ("pending", "running"):
        raise ApiError(404, Reason.NOT_FOUND, _NOTHING_TO_CANCEL)
    handle = _find(service.runs, run.run_id)
    if handle is None:
        raise misdirected(run.assistant_id)
    handle.stop("cancelled")
    if request.query_params.get("wait") not in ("1", "true"):
        return Response(status_code=202)
    await asyncio.wait({handle.task})
    return answer_json({})


async def _wait_for_end(service: Service, run: Run) -> Outcome:
    handle = _find(service.runs, run.run_id)
    if handle is not None:
        await asyncio.wait({handle.task})
    records = service.require_storage().records
    found: Run | None = run
    while found is not None and found.status in ("pending", "running"):
        await asyncio.sleep(_POLL_SECONDS)
        found = await records.fetch_run(run.thread_id, run.run_id)
    thread = await records.fetch_thread(run.thread_id)
    if found is None or thread is None:
        message = "the run was deleted before it ended"
        return Outcome("error", error={"error": "RunDeleted", "message": message})
    error = thread.error if found.status in ("error", "timeout") else None
    return Outcome(found.status, values=thread.values, error=error)


def _find(runs: InFlight, run_id: str) -> RunHandle | None:
    return next((handle for handle in runs.handles if handle.run_id == run_id), None)


async def _fetch_run(request: Request) -> Run:
    thread = await fetch_thread(request)
    records = get_service(request).require_storage().records
    run = await records.fetch_run(thread.thread_id, request.path_params["run_id"])
    if run is None:
        raise ApiError(404, Reason.NOT_FOUND, "Run not found")
    return run


def _render(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "assistant_id": names.assistant_uuid(run.assistant_id),
        "status": run.status,
        "metadata": {**run.metadata, "graph_id": run.assistant_id},
        "kwargs": run.kwargs,
        "multitask_strategy": run.multitask_strategy,
        "created_at": run.created_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
    }


ROUTES = [
    Route("/threads/{thread_id}/runs", list_runs, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}", read_run, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}/join", join_run, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}/cancel", cancel_run, methods=["POST"]),
]
