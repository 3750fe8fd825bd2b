"""Runs, looked at from outside: list, read, wait for the end, read the events, stop, delete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.api.errors import Reason
from graphwarden.worker.answers import WaitAnswer
from graphwarden.worker.encoding import dumps
from graphwarden.worker.errors import ApiError, invalid, misdirected
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.requests import parse_stream_modes
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_count,
    parse_thread_id,
    read_object,
)
from graphwarden.worker.routes.threads import fetch_thread
from graphwarden.worker.runs import Run, render_run
from graphwarden.worker.service import Service
from graphwarden.worker.sse import render_event
from graphwarden.worker.tails import TailAnswer, tail_run

_POLL_SECONDS = 0.1
_STATUSES = ("pending", "running", "success", "error", "timeout", "interrupted")
_NOTHING_TO_CANCEL = (
    "No matching runs to cancel. Please verify the thread ID and run IDs are correct, and the "
    "runs haven't been deleted or completed."
)


async def list_runs(request: Request) -> Response:
    """`GET /threads/{thread_id}/runs`: newest first."""
    thread = await fetch_thread(request)
    query = request.query_params
    status = query.get("status")
    if status is not None and status not in _STATUSES:
        raise invalid(f"`status` must be one of {', '.join(_STATUSES)}")
    found = (
        await get_service(request)
        .require_storage()
        .runs.list_runs(
            thread.thread_id,
            limit=parse_count(query.get("limit"), "limit", 10, 1000),
            offset=parse_count(query.get("offset"), "offset", 0, 2**31),
            status=status,
        )
    )
    select = query.getlist("select")
    shapes = [render_run(run) for run in found]
    if select:
        shapes = [{k: v for k, v in shape.items() if k in select} for shape in shapes]
    return answer_json(shapes)


async def read_run(request: Request) -> Response:
    """`GET /threads/{thread_id}/runs/{run_id}`: clients ask after a stream that broke off."""
    return answer_json(render_run(await _fetch_run(request)))


async def delete_run(request: Request) -> Response:
    """`DELETE /threads/{thread_id}/runs/{run_id}`: of a run that has ended."""
    service = get_service(request)
    run = await _fetch_run(request, "Run not found")
    if not await service.require_storage().runs.delete_run(run.run_id):
        detail = f"run {run.run_id} has not ended; cancel it first"
        raise ApiError(409, Reason.CONFLICT, detail)
    return Response(status_code=204)


async def join_run(request: Request) -> ASGIApp:
    """`GET /threads/{thread_id}/runs/{run_id}/join`: the result, whoever runs it."""
    service = get_service(request)
    run = await _fetch_run(request)
    # A task of its own, apart from the runs: joining takes no place and is not drained.
    handle = RunHandle(run.run_id, run.thread_id)
    handle.begin(service.require_engine().follow(run))
    answer = WaitAnswer(handle, _headers(run, "join"), service.settings.heartbeat_seconds)
    return _cancelling(service, request, run, answer)


async def stream_run(request: Request) -> ASGIApp:
    """`GET /threads/{thread_id}/runs/{run_id}/stream`: its events, from `Last-Event-ID` on.

    Events that were kept can be read on every worker and at any time; others only while they
    happen, on the worker that runs it.
    """
    return await _stream(request, await _fetch_run(request))


async def stream_stateless_run(request: Request) -> ASGIApp:
    """`GET /runs/{run_id}/stream`."""
    run = await get_service(request).require_storage().runs.find_run(request.path_params["run_id"])
    if run is None:
        raise ApiError(404, Reason.NOT_FOUND, "Run not found")
    return await _stream(request, run)


async def cancel_run(request: Request) -> ASGIApp:
    """`POST /threads/{thread_id}/runs/{run_id}/cancel?wait=0|1&action=interrupt|rollback`."""
    service = get_service(request)
    action = _parse_action(request)
    run = await _fetch_run(request)
    if run.status not in ("pending", "running"):
        raise ApiError(404, Reason.NOT_FOUND, _NOTHING_TO_CANCEL)
    engine = service.require_engine()
    holder = await engine.holder(run)
    if holder is not None:
        raise misdirected(run.graph_id, holder)
    await engine.stop(run, action)
    if request.query_params.get("wait") not in ("1", "true"):
        return Response(status_code=202)
    handle = RunHandle(run.run_id, run.thread_id)
    handle.begin(engine.follow(run))
    await asyncio.wait({handle.task}, timeout=service.settings.drain_seconds)
    return answer_json({}, headers=_headers(run, "join"))


async def cancel_runs(request: Request) -> Response:
    """`POST /runs/cancel?action=...`: by thread and run ids, or by status."""
    service = get_service(request)
    action = _parse_action(request)
    body = await read_object(request)
    found = await service.require_storage().runs.list_open(**_parse_selection(body))
    if not found and body.get("run_ids"):
        raise ApiError(404, Reason.NOT_FOUND, _NOTHING_TO_CANCEL)
    for run in found:
        await service.require_engine().stop(run, action)
    return Response(status_code=204)


def _parse_selection(body: dict[str, Any]) -> dict[str, Any]:
    status, run_ids = body.get("status"), body.get("run_ids")
    if status is not None and (body.get("thread_id") is not None or run_ids is not None):
        raise invalid("give either `status`, or `thread_id` and `run_ids`")
    if status is not None:
        if status not in ("pending", "running", "all"):
            raise invalid("`status` must be pending, running or all")
        return {"statuses": ("pending", "running") if status == "all" else (status,)}
    thread_id = parse_thread_id(body.get("thread_id"))
    if not isinstance(run_ids, list) or not all(isinstance(item, str) for item in run_ids):
        raise invalid("`run_ids` must be a list of run ids")
    return {"thread_id": thread_id, "run_ids": run_ids}


def _parse_action(request: Request) -> str:
    action = request.query_params.get("action", "interrupt")
    if action not in ("interrupt", "rollback"):
        raise invalid("`action` must be interrupt or rollback")
    return action


async def _stream(request: Request, run: Run) -> ASGIApp:
    service = get_service(request)
    modes = _parse_modes(request)
    headers = _headers(run, "stream")
    seconds = service.settings.heartbeat_seconds
    storage = service.require_storage()
    is_open = run.status in ("pending", "running")
    keeps = run.kwargs.get("stream_resumable")
    if not keeps and run.status == "pending":
        # Whoever comes before it begins sees all of it, on whichever worker it will be.
        keeps = await storage.runs.keep_events(run.run_id)
        if not keeps:
            run = await _fetch_again(service, run)
            is_open = run.status in ("pending", "running")
    if keeps:
        after = _parse_last_event(request)
        if after is None:
            # Nothing of the past was asked for.
            after = await storage.events.find_last(run.thread_id)
        answer: ASGIApp = TailAnswer(tail_run(service, run, after, modes), headers, seconds)
        return _cancelling(service, request, run, answer) if is_open else answer
    if not is_open:
        return TailAnswer(_only_end(), headers, seconds)
    holder = await service.require_engine().holder(run)
    if holder is not None:
        raise misdirected(run.graph_id, holder)
    answer = TailAnswer(_live(service, run, modes), headers, seconds)
    return _cancelling(service, request, run, answer)


async def _fetch_again(service: Service, run: Run) -> Run:
    found = await service.require_storage().runs.fetch_run(run.thread_id, run.run_id)
    if found is None:
        raise ApiError(404, Reason.NOT_FOUND, "Run not found")
    return found


async def _only_end() -> AsyncIterator[bytes]:
    yield render_event("end", b"null")


async def _live(service: Service, run: Run, modes: frozenset[str] | None) -> AsyncIterator[bytes]:
    """The events of a run from now on; of one that runs elsewhere by now, its end."""
    storage = service.require_storage()
    found: Run | None = run
    while found is not None and found.status in ("pending", "running"):
        handle = service.runs.find(run.run_id)
        if handle is not None and handle.channel is not None:
            reader = handle.channel.join(patient=False, modes=modes)
            try:
                last = False
                while not last:
                    piece, last = await _next_piece(reader)
                    yield piece
            finally:
                reader.leave()
            return
        yield b""
        await asyncio.sleep(_POLL_SECONDS)
        found = await storage.runs.fetch_run(run.thread_id, run.run_id)
    outcome = await service.require_engine().follow(run)
    if outcome.error is not None:
        yield render_event("error", dumps(outcome.error))
    elif outcome.values is not None and (modes is None or "values" in modes):
        yield render_event("values", dumps(outcome.values))
    yield render_event("end", b"null")


async def _next_piece(reader: Any) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout(1):
            piece: tuple[bytes, bool] = await reader.get()
            return piece
    except TimeoutError:
        return b"", False


def _cancelling(service: Service, request: Request, run: Run, answer: ASGIApp) -> ASGIApp:
    """The answer, with the run stopped when its reader leaves before the end."""
    if request.query_params.get("cancel_on_disconnect") not in ("1", "true", "True"):
        return answer

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, receive, send)
        still = await service.require_storage().runs.fetch_run(run.thread_id, run.run_id)
        if still is not None and still.status in ("pending", "running"):
            await service.require_engine().stop(still, "interrupt")

    return serve


def _parse_last_event(request: Request) -> int | None:
    value = request.headers.get("last-event-id")
    if value is None:
        return None
    if value in ("-1", "-", "0"):
        return 0
    if not value.isdigit():
        raise invalid("`Last-Event-ID` must be the id of an event of this stream, or -1")
    return int(value)


def _parse_modes(request: Request) -> frozenset[str] | None:
    asked = request.query_params.getlist("stream_mode")
    named = [mode for item in asked for mode in item.split(",")]
    return frozenset(parse_stream_modes(named)) if named else None


def _headers(run: Run, call: str) -> dict[str, str]:
    place = f"/threads/{run.thread_id}/runs/{run.run_id}"
    return {"location": f"{place}/{call}", "content-location": place}


async def _fetch_run(request: Request, detail: str = "Not Found") -> Run:
    thread = await fetch_thread(request)
    runs = get_service(request).require_storage().runs
    run = await runs.fetch_run(thread.thread_id, request.path_params["run_id"])
    if run is None:
        raise ApiError(404, Reason.NOT_FOUND, detail)
    return run


ROUTES = [
    Route("/threads/{thread_id}/runs", list_runs, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}", read_run, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}", delete_run, methods=["DELETE"]),
    Route("/threads/{thread_id}/runs/{run_id}/join", join_run, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}/stream", stream_run, methods=["GET"]),
    Route("/threads/{thread_id}/runs/{run_id}/cancel", cancel_run, methods=["POST"]),
    Route("/runs/cancel", cancel_runs, methods=["POST"]),
    Route("/runs/{run_id}/stream", stream_stateless_run, methods=["GET"]),
]
