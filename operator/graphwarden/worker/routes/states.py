"""The state of a thread: now, before, and edited. Needs the thread's graph."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api.errors import Reason
from graphwarden.worker.encoding import to_jsonable
from graphwarden.worker.errors import ApiError, invalid, misdirected, not_resumable, thread_busy
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.routes.bodies import answer_json, get_service, parse_count, read_object
from graphwarden.worker.routes.threads import fetch_thread
from graphwarden.worker.service import Service
from graphwarden.worker.snapshots import (
    EMPTY_STATE,
    make_interrupts,
    render_checkpoint,
    render_snapshot,
)
from graphwarden.worker.threads import Thread

_HISTORY_LIMIT = 1000
_CHECKPOINT_KEYS = ("checkpoint_id", "checkpoint_ns", "checkpoint_map")


async def read(request: Request) -> Response:
    """`GET /threads/{thread_id}/state` and `GET /threads/{thread_id}/state/{checkpoint_id}`."""
    query = request.query_params
    checkpoint_id = request.path_params.get("checkpoint_id")
    place = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return await _answer_state(request, place, subgraphs=query.get("subgraphs") == "true")


async def read_checkpoint(request: Request) -> Response:
    """`POST /threads/{thread_id}/state/checkpoint`."""
    body = await read_object(request)
    place = _parse_place(body.get("checkpoint"))
    return await _answer_state(request, place, subgraphs=bool(body.get("subgraphs")))


async def update(request: Request) -> Response:
    """`POST /threads/{thread_id}/state`: edit the state as if a node had written it."""
    service = get_service(request)
    thread = await fetch_thread(request)
    body = await read_object(request)
    graph = _require_graph(service, thread)
    if graph is None:
        raise ApiError(400, Reason.INVALID_REQUEST, _no_graph(thread))
    place = _parse_place(body.get("checkpoint"))
    if body.get("checkpoint_id"):
        place["checkpoint_id"] = body["checkpoint_id"]
    ownership = await service.require_storage().locks.try_acquire(thread.thread_id)
    if ownership is None:
        raise thread_busy()
    try:
        shown = await _update(service, graph, thread, place, body)
    finally:
        await ownership.release()
    return answer_json(
        {"checkpoint": shown, "configurable": shown, "checkpoint_id": shown["checkpoint_id"]}
    )


async def list_history(request: Request) -> Response:
    """`GET` and `POST /threads/{thread_id}/history`: newest first, `[]` on a fresh thread."""
    service = get_service(request)
    thread = await fetch_thread(request)
    body = dict(request.query_params) if request.method == "GET" else await read_object(request)
    graph = _require_graph(service, thread)
    if graph is None:
        return answer_json([])
    before = body.get("before")
    wanted = body.get("metadata")
    place = {"checkpoint_id": before} if isinstance(before, str) else _parse_place(before)
    history = graph.pregel.aget_state_history(
        _make_config(thread, _parse_place(body.get("checkpoint"))),
        limit=parse_count(body.get("limit"), "limit", 10, _HISTORY_LIMIT),
        before=_make_config(thread, place) if place else None,
        filter=wanted if isinstance(wanted, dict) else None,
    )
    return answer_json([render_snapshot(snapshot) async for snapshot in history])


async def _answer_state(request: Request, place: dict[str, Any], *, subgraphs: bool) -> Response:
    service = get_service(request)
    thread = await fetch_thread(request)
    graph = _require_graph(service, thread)
    if graph is None:
        return answer_json(EMPTY_STATE)
    config = _make_config(thread, place)
    return answer_json(render_snapshot(await graph.pregel.aget_state(config, subgraphs=subgraphs)))


async def _update(
    service: Service,
    graph: LoadedGraph,
    thread: Thread,
    place: dict[str, Any],
    body: dict[str, Any],
) -> dict[str, Any]:
    try:
        written = await graph.pregel.aupdate_state(
            _make_config(thread, place), body.get("values"), as_node=body.get("as_node")
        )
    except InvalidUpdateError as error:
        raise ApiError(400, Reason.INVALID_REQUEST, str(error)) from error
    snapshot = await graph.pregel.aget_state(_make_config(thread, {}))
    await service.require_storage().records.set_thread_state(
        thread.thread_id,
        "interrupted" if snapshot.next else "idle",
        to_jsonable(snapshot.values),
        to_jsonable(make_interrupts(snapshot)),
    )
    shown = render_checkpoint(written)
    assert shown is not None
    return shown


def _require_graph(service: Service, thread: Thread) -> LoadedGraph | None:
    """The thread's graph, or None on a thread that no run has used.

    Raises:
        ApiError: 421 when another pool serves it, 503 while it is not loaded.
    """
    name = thread.metadata.get("graph_id")
    if not isinstance(name, str):
        return None
    slot = service.graphs.slots.get(name)
    if slot is None:
        raise misdirected(name)
    if not slot.row.resumable:
        raise not_resumable(name)
    return service.graphs.require(slot)


def _make_config(thread: Thread, place: dict[str, Any]) -> RunnableConfig:
    return {"configurable": {"checkpoint_ns": "", **place, "thread_id": thread.thread_id}}


def _parse_place(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict) and isinstance(value.get("configurable"), dict):
        value = value["configurable"]
    if not isinstance(value, dict):
        raise invalid("a checkpoint must be an object with `checkpoint_id` and `checkpoint_ns`")
    return {key: value[key] for key in _CHECKPOINT_KEYS if value.get(key) is not None}


def _no_graph(thread: Thread) -> str:
    return (
        f"Thread '{thread.thread_id}' has no assigned graph ID. This usually occurs when no runs "
        "have been made on this particular thread. This operation requires a graph ID. Please "
        "ensure a run has been made for the thread or manually update the thread metadata (by "
        "setting the 'graph_id' field) before running this operation."
    )


ROUTES = [
    Route("/threads/{thread_id}/state", read, methods=["GET"]),
    Route("/threads/{thread_id}/state", update, methods=["POST"]),
    Route("/threads/{thread_id}/state/checkpoint", read_checkpoint, methods=["POST"]),
    Route("/threads/{thread_id}/state/{checkpoint_id}", read, methods=["GET"]),
    Route("/threads/{thread_id}/history", list_history, methods=["GET", "POST"]),
]
