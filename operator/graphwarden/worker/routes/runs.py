"""Runs: on a thread that stays, or without one."""

from __future__ import annotations

from dataclasses import replace

from langchain_core.utils.uuid import uuid7
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.telemetry import logs
from graphwarden.worker.admission import Place
from graphwarden.worker.answers import StreamAnswer, WaitAnswer
from graphwarden.worker.durable import Order
from graphwarden.worker.errors import (
    not_resumable,
    thread_or_assistant_not_found,
    unsupported,
)
from graphwarden.worker.executor import Call
from graphwarden.worker.graphs import Slot
from graphwarden.worker.inflight import EventQueue, RunHandle
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.oneshot import run_once
from graphwarden.worker.requests import RunRequest, parse_run_request
from graphwarden.worker.routes.bodies import get_service, parse_thread_id, read_json
from graphwarden.worker.service import Service


async def wait_stateless(request: Request) -> ASGIApp:
    """`POST /runs/wait`."""
    handle = await _begin_stateless(request, None)
    return _wait(get_service(request), handle)


async def stream_stateless(request: Request) -> ASGIApp:
    """`POST /runs/stream`."""
    events = EventQueue()
    handle = await _begin_stateless(request, events)
    return _stream(get_service(request), handle, events, f"/runs/{handle.run_id}")


async def wait_on_thread(request: Request) -> ASGIApp:
    """`POST /threads/{thread_id}/runs/wait`."""
    handle = await _begin_on_thread(request, None)
    return _wait(get_service(request), handle)


async def stream_on_thread(request: Request) -> ASGIApp:
    """`POST /threads/{thread_id}/runs/stream`."""
    events = EventQueue()
    handle = await _begin_on_thread(request, events)
    place = f"/threads/{handle.thread_id}/runs/{handle.run_id}"
    return _stream(get_service(request), handle, events, place)


async def _begin_stateless(request: Request, events: EventQueue | None) -> RunHandle:
    service = get_service(request)
    asked, slot, graph = _resolve(service, await read_json(request), on_thread=False)
    keep = asked.on_completion == "keep"
    if not slot.row.resumable:
        if keep:
            raise unsupported("on_completion", "the graph is not resumable: nothing can be kept")
        return _begin_once(service, slot, graph, asked, events)
    order = Order(graph, asked, str(uuid7()), str(uuid7()), temporary=not keep)
    return await _begin_durable(service, slot, order, events, create_thread=True)


async def _begin_on_thread(request: Request, events: EventQueue | None) -> RunHandle:
    service = get_service(request)
    thread_id = parse_thread_id(request.path_params["thread_id"])
    body = await read_json(request)
    asked, slot, graph = _resolve(service, body, on_thread=True)
    order = Order(graph, asked, str(uuid7()), thread_id)
    create = asked.if_not_exists == "create"
    return await _begin_durable(service, slot, order, events, create_thread=create)


def _begin_once(
    service: Service,
    slot: Slot,
    graph: LoadedGraph,
    asked: RunRequest,
    events: EventQueue | None,
) -> RunHandle:
    call = Call(graph, asked, asked.graph_input(), str(uuid7()), str(uuid7()))
    cancel = asked.on_disconnect == "cancel"
    handle = RunHandle(call.run_id, call.thread_id, cancel_on_disconnect=cancel)
    place = _enter(service, slot, handle.run_id)
    return service.runs.start(
        handle, lambda: run_once(call, handle, place, events, service.metrics)
    )


async def _begin_durable(
    service: Service,
    slot: Slot,
    order: Order,
    events: EventQueue | None,
    *,
    create_thread: bool,
) -> RunHandle:
    durable = service.durable_runs()
    place = _enter(service, slot, order.run_id)
    try:
        await _require_thread(service, order, create=create_thread)
        handle = await durable.start(order, place, events)
    except BaseException:
        place.leave()
        raise
    logs.bind(run_id=handle.run_id, thread_id=handle.thread_id)
    return handle


async def _require_thread(service: Service, order: Order, *, create: bool) -> None:
    records = service.require_storage().records
    if await records.fetch_thread(order.thread_id) is not None:
        return
    if not create:
        raise thread_or_assistant_not_found()
    await records.create_thread(order.thread_id, {})


def _resolve(
    service: Service, body: object, *, on_thread: bool
) -> tuple[RunRequest, Slot, LoadedGraph]:
    asked = parse_run_request(body, on_thread=on_thread)
    slot = service.graphs.resolve(asked.assistant_id)
    name = slot.row.assistant_id
    logs.bind(assistant_id=name)
    if on_thread and not slot.row.resumable:
        raise not_resumable(name)
    return replace(asked, assistant_id=name), slot, service.graphs.require(slot)


def _enter(service: Service, slot: Slot, run_id: str) -> Place:
    logs.bind(run_id=run_id)
    return service.admission.enter(slot)


def _wait(service: Service, handle: RunHandle) -> ASGIApp:
    place = f"/threads/{handle.thread_id}/runs/{handle.run_id}"
    headers = {"location": f"{place}/join", "content-location": place}
    return WaitAnswer(handle, headers, service.settings.heartbeat_seconds)


def _stream(service: Service, handle: RunHandle, events: EventQueue, place: str) -> ASGIApp:
    headers = {"location": f"{place}/stream", "content-location": place}
    return StreamAnswer(handle, events, headers, service.settings.heartbeat_seconds)


ROUTES = [
    Route("/runs/wait", wait_stateless, methods=["POST"]),
    Route("/runs/stream", stream_stateless, methods=["POST"]),
    Route("/threads/{thread_id}/runs/wait", wait_on_thread, methods=["POST"]),
    Route("/threads/{thread_id}/runs/stream", stream_on_thread, methods=["POST"]),
]
