"""Creating runs: on a thread that stays, or without one; waited for, streamed, or neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langchain_core.utils.uuid import uuid7
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.telemetry import logs, trace
from graphwarden.worker.answers import StreamAnswer, WaitAnswer
from graphwarden.worker.assistants import apply_assistant, find_assistant
from graphwarden.worker.channel import Channel, EventQueue
from graphwarden.worker.engine.orders import Order
from graphwarden.worker.errors import ApiError, invalid, not_resumable, unsupported
from graphwarden.worker.executor import Call
from graphwarden.worker.graphs import Slot
from graphwarden.worker.idempotency import parse_key, repeat
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.nesting import find_calling_run, make_nested_thread_id, nest_request
from graphwarden.worker.oneshot import run_once
from graphwarden.worker.requests import RunRequest, parse_run_request
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_thread_id,
    read_json,
    read_run_body,
)
from graphwarden.worker.runs import render_run
from graphwarden.worker.service import Service
from graphwarden.worker.webhooks import require_target

# The name that Stripe gave it.
REPEATED = {"idempotent-replayed": "true"}
_BATCH_LIMIT = 1000


async def wait_stateless(request: Request) -> ASGIApp:
    """`POST /runs/wait`."""
    service = get_service(request)
    handle = await begin_stateless(
        service, await read_run_body(request), None, _read_key(request, None)
    )
    return _wait(service, handle)


async def stream_stateless(request: Request) -> ASGIApp:
    """`POST /runs/stream`."""
    service = get_service(request)
    channel = Channel()
    events = channel.join()
    key = _read_key(request, None)
    handle = await begin_stateless(service, await read_run_body(request), channel, key)
    return _stream(service, handle, events, f"/runs/{handle.run_id}")


async def wait_on_thread(request: Request) -> ASGIApp:
    """`POST /threads/{thread_id}/runs/wait`."""
    handle = await _begin_on_thread(request, None)
    return _wait(get_service(request), handle)


async def stream_on_thread(request: Request) -> ASGIApp:
    """`POST /threads/{thread_id}/runs/stream`."""
    channel = Channel()
    events = channel.join()
    handle = await _begin_on_thread(request, channel)
    place = f"/threads/{handle.thread_id}/runs/{handle.run_id}"
    return _stream(get_service(request), handle, events, place)


async def create_stateless(request: Request) -> Response:
    """`POST /runs`: the run, to be had later."""
    service = get_service(request)
    return await _enqueue(service, request, None)


async def create_on_thread(request: Request) -> Response:
    """`POST /threads/{thread_id}/runs`: the run, to be had later."""
    service = get_service(request)
    thread_id = parse_thread_id(request.path_params["thread_id"])
    return await _enqueue(service, request, thread_id)


async def create_batch(request: Request) -> Response:
    """`POST /runs/batch`: several stateless runs, in the order of the answer.

    All are checked before the first is stored.
    """
    service = get_service(request)
    body = await read_json(request)
    if not isinstance(body, list) or not body:
        raise invalid("the request body must be a list of runs")
    if len(body) > _BATCH_LIMIT:
        raise invalid(f"a batch has at most {_BATCH_LIMIT} runs")
    orders = []
    for number, item in enumerate(body):
        try:
            orders.append(await make_order(service, item, None))
        except ApiError as error:
            detail = f"run {number} of the batch: {error.detail}"
            raise ApiError(error.status, error.reason, detail, error.headers) from error
    engine = service.require_engine()
    return answer_json([render_run(await engine.enqueue(order)) for order in orders])


async def make_order(service: Service, body: Any, thread_id: str | None) -> Order:
    """A run to be stored, from the body of a request.

    Raises:
        ApiError: the body asks for what cannot be had.
    """
    asked, slot, graph, assistant_id = await _resolve(
        service, body, on_thread=thread_id is not None
    )
    if thread_id is None:
        if asked.on_completion == "keep" and not slot.row.resumable:
            raise unsupported("on_completion", "the graph is not resumable: nothing can be kept")
        return Order(
            graph,
            assistant_id,
            asked,
            str(uuid7()),
            str(uuid7()),
            create_thread=True,
            temporary=asked.on_completion != "keep",
            traceparent=_find_trace(),
        )
    thread_id, asked = await _nest(service, thread_id, asked)
    create = asked.if_not_exists == "create"
    return Order(
        graph,
        assistant_id,
        asked,
        str(uuid7()),
        thread_id,
        create_thread=create,
        traceparent=_find_trace(),
    )


def _find_trace() -> str | None:
    """The request at work as a `traceparent`; crons have none."""
    found = trace.current.get()
    return found.header if found is not None else None


async def _nest(service: Service, thread_id: str, asked: RunRequest) -> tuple[str, RunRequest]:
    """The thread and the request of a run that the thread's own run calls."""
    calling = find_calling_run(asked)
    if calling is None:
        return thread_id, asked
    storage = service.require_storage()
    caller = await storage.runs.fetch_run(thread_id, calling)
    if caller is None or caller.status != "running":
        return thread_id, asked
    nested_id = make_nested_thread_id(thread_id, asked)
    nested = await storage.records.fetch_thread(nested_id)
    waits = nested is not None and nested.status == "interrupted"
    return nested_id, nest_request(asked, thread_id, caller.kwargs, waits=waits)


async def _enqueue(service: Service, request: Request, thread_id: str | None) -> Response:
    engine = service.require_engine()
    order = await make_order(service, await read_run_body(request), thread_id)
    order = replace(order, key=_read_key(request, thread_id))
    run = await engine.enqueue(order)
    logs.bind(run_id=run.run_id, thread_id=run.thread_id)
    place = f"/threads/{run.thread_id}/runs/{run.run_id}"
    repeated = REPEATED if run.run_id != order.run_id else {}
    return answer_json(render_run(run), headers={"content-location": place, **repeated})


def _read_key(request: Request, thread_id: str | None) -> str | None:
    return parse_key(request.headers.get("idempotency-key"), thread_id or "")


async def begin_stateless(
    service: Service, body: object, channel: Channel | None, key: str | None = None
) -> RunHandle:
    """Start a run without a thread that somebody waits for, from the body of a request.

    Raises:
        ApiError: the body asks for what cannot be had, or there is no place for the run now.
    """
    asked, slot, graph, assistant_id = await _resolve(service, body, on_thread=False)
    stored = slot.row.resumable or asked.webhook or asked.after_seconds
    if stored:
        if asked.on_completion == "keep" and not slot.row.resumable:
            raise unsupported("on_completion", "the graph is not resumable: nothing can be kept")
        order = Order(
            graph,
            assistant_id,
            asked,
            str(uuid7()),
            str(uuid7()),
            create_thread=True,
            temporary=asked.on_completion != "keep",
            key=key,
            traceparent=_find_trace(),
        )
        return await _begin_stored(service, slot, order, channel)
    if asked.on_completion == "keep":
        raise unsupported("on_completion", "the graph is not resumable: nothing can be kept")
    if asked.stream_resumable:
        raise unsupported(
            "stream_resumable",
            "the graph is not resumable: its events are not kept; set resumable: true",
        )
    first = service.remembered.find(key, asked.digest()) if key is not None else None
    if first is not None:
        return repeat(first, channel)
    call = Call(
        graph,
        asked,
        asked.graph_input(),
        str(uuid7()),
        str(uuid7()),
        assistant_id=assistant_id,
    )
    handle = RunHandle(
        call.run_id,
        call.thread_id,
        cancel_on_disconnect=asked.on_disconnect == "cancel",
        channel=channel,
    )
    logs.bind(run_id=handle.run_id)
    place = service.admission.enter(slot)
    service.runs.start(handle, lambda: run_once(call, handle, place, service.observer))
    if key is not None:
        service.remembered.add(key, asked.digest(), handle)
    return handle


async def _begin_on_thread(request: Request, channel: Channel | None) -> RunHandle:
    service = get_service(request)
    thread_id = parse_thread_id(request.path_params["thread_id"])
    order = await make_order(service, await read_run_body(request), thread_id)
    order = replace(order, key=_read_key(request, thread_id))
    slot = service.graphs.slots[order.graph.row.assistant_id]
    return await _begin_stored(service, slot, order, channel)


async def _begin_stored(
    service: Service, slot: Slot, order: Order, channel: Channel | None
) -> RunHandle:
    engine = service.require_engine()
    place = service.admission.enter(slot)
    try:
        handle = await engine.start(order, place, channel)
    except BaseException:
        place.leave()
        raise
    logs.bind(run_id=handle.run_id, thread_id=handle.thread_id)
    return handle


async def _resolve(
    service: Service, body: object, *, on_thread: bool
) -> tuple[RunRequest, Slot, LoadedGraph, str]:
    asked = parse_run_request(body, on_thread=on_thread)
    assistant = await find_assistant(service, asked.assistant_id)
    slot, name = assistant.slot, assistant.slot.row.assistant_id
    logs.bind(assistant_id=name)
    if on_thread and not slot.row.resumable:
        raise not_resumable(name)
    graph = service.graphs.require(slot)
    asked = apply_assistant(replace(asked, assistant_id=name), assistant)
    if asked.webhook is not None:
        await require_target(asked.webhook, service.settings.webhook_allow)
    return asked, slot, graph, assistant.assistant_id


def _wait(service: Service, handle: RunHandle) -> ASGIApp:
    place = f"/threads/{handle.thread_id}/runs/{handle.run_id}"
    headers = {"location": f"{place}/join", "content-location": place, **_repeated(handle)}
    return WaitAnswer(handle, headers, service.settings.heartbeat_seconds)


def _stream(service: Service, handle: RunHandle, events: EventQueue, place: str) -> ASGIApp:
    headers = {"location": f"{place}/stream", "content-location": place, **_repeated(handle)}
    return StreamAnswer(handle, events, headers, service.settings.heartbeat_seconds)


def _repeated(handle: RunHandle) -> dict[str, str]:
    return REPEATED if handle.is_repeat else {}


ROUTES = [
    Route("/runs", create_stateless, methods=["POST"]),
    Route("/runs/batch", create_batch, methods=["POST"]),
    Route("/runs/wait", wait_stateless, methods=["POST"]),
    Route("/runs/stream", stream_stateless, methods=["POST"]),
    Route("/threads/{thread_id}/runs", create_on_thread, methods=["POST"]),
    Route("/threads/{thread_id}/runs/wait", wait_on_thread, methods=["POST"]),
    Route("/threads/{thread_id}/runs/stream", stream_on_thread, methods=["POST"]),
]
