"""The state of a thread: now, before, and edited. Needs the thread's graph."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from langgraph.types import StateSnapshot
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api.errors import Reason
from graphwarden.worker.encoding import to_jsonable
from graphwarden.worker.errors import ApiError, invalid, misdirected, not_resumable, thread_busy
from graphwarden.worker.foreign import render_foreign
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.parking import find_wake_time
from graphwarden.worker.requests import check_place
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_count,
    parse_filter,
    read_object,
)
from graphwarden.worker.routes.threads import fetch_thread
from graphwarden.worker.service import Service
from graphwarden.worker.snapshots import (
    EMPTY_STATE,
    make_interrupts,
    render_checkpoint,
    render_snapshot,
)
from graphwarden.worker.storage.fence import Fence, current_fence
from graphwarden.worker.threads import Thread

_HISTORY_LIMIT = 1000
_PLAIN_KEY = re.compile(r"[\w.-]+", re.ASCII)
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
        check_place(place)
    if not isinstance(body.get("as_node"), str | None):
        raise invalid("`as_node` must be the name of a node")
    async with holding(service, thread.thread_id) as fence:
        shown = await _update(graph, thread, place, body)
        await record_state(service, graph, fence)
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
    place = _parse_place({"checkpoint_id": before} if isinstance(before, str) else before)
    if isinstance(wanted, dict):
        _check_filter(wanted)
    config = _make_config(thread, _parse_place(body.get("checkpoint")))
    limit = parse_count(body.get("limit"), "limit", 10, _HISTORY_LIMIT)
    async with graph.open("threads.read", config) as pregel:
        history = pregel.aget_state_history(
            config,
            limit=limit,
            before=_make_config(thread, place) if place else None,
            filter=wanted if isinstance(wanted, dict) else None,
        )
        found = [snapshot async for snapshot in history]
    own = (None, graph.row.assistant_id)
    return answer_json(
        [
            render_snapshot(snapshot)
            if _get_maker(snapshot.metadata) in own
            else await _render_foreign(service, snapshot)
            for snapshot in found
        ]
    )


async def _render_foreign(service: Service, snapshot: StateSnapshot) -> dict[str, Any]:
    """A checkpoint of another graph than the thread's: by that graph, if it is here."""
    config = snapshot.config
    slot = service.graphs.slots.get(_get_maker(snapshot.metadata) or "")
    if slot is not None and slot.row.resumable:
        async with service.graphs.require(slot).open("threads.read", config) as pregel:
            return render_snapshot(await pregel.aget_state(config))
    found = await service.require_storage().checkpointer.aget_tuple(config)
    return render_snapshot(snapshot) if found is None else render_foreign(found, snapshot.values)


def _get_maker(metadata: Mapping[str, Any] | None) -> str | None:
    made_by = (metadata or {}).get("graph_id")
    return made_by if isinstance(made_by, str) else None


async def _answer_state(request: Request, place: dict[str, Any], *, subgraphs: bool) -> Response:
    service = get_service(request)
    thread = await fetch_thread(request)
    config = _make_config(thread, place)
    maker = await _find_maker(service, config) if place else None
    graph = _require_named(service, maker) if maker else _require_graph(service, thread)
    if graph is None:
        return answer_json(EMPTY_STATE)
    async with graph.open("threads.read", config) as pregel:
        return answer_json(render_snapshot(await pregel.aget_state(config, subgraphs=subgraphs)))


async def _find_maker(service: Service, config: RunnableConfig) -> str | None:
    """The graph of an earlier state, which need not be the thread's, nor of this pool."""
    found = await service.require_storage().checkpointer.aget_tuple(config)
    return _get_maker(found.metadata) if found is not None else None


@asynccontextmanager
async def holding(service: Service, thread_id: str) -> AsyncIterator[Fence]:
    """Own a thread for an edit: no run starts on it meanwhile.

    Raises:
        ApiError: 409 while a run is in flight on it.
    """
    ownership = service.require_storage().ownership
    fence = await ownership.hold(thread_id)
    if fence is None:
        raise thread_busy()
    token = current_fence.set(fence)
    try:
        yield fence
    finally:
        current_fence.reset(token)
        await ownership.let_go(fence)


async def record_state(service: Service, graph: LoadedGraph, fence: Fence) -> None:
    """Show on the thread's row what an edit made of it."""
    config: RunnableConfig = {"configurable": {"thread_id": fence.thread_id}}
    async with graph.open("threads.read", config) as pregel:
        snapshot = await pregel.aget_state(config)
    interrupts = to_jsonable(make_interrupts(snapshot))
    await service.require_storage().records.set_thread_state(
        fence,
        "interrupted" if snapshot.next else "idle",
        to_jsonable(snapshot.values),
        interrupts,
        (find_wake_time(interrupts), graph.row.assistant_id),
    )


async def _update(
    graph: LoadedGraph,
    thread: Thread,
    place: dict[str, Any],
    body: dict[str, Any],
) -> dict[str, Any]:
    config = _make_config(thread, place)
    try:
        async with graph.open("threads.update", config) as pregel:
            written = await pregel.aupdate_state(
                config, body.get("values"), as_node=body.get("as_node")
            )
    except InvalidUpdateError as error:
        raise ApiError(400, Reason.INVALID_REQUEST, str(error)) from error
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
    return _require_named(service, name)


def _require_named(service: Service, name: str) -> LoadedGraph:
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
    place = {key: value[key] for key in _CHECKPOINT_KEYS if value.get(key) is not None}
    check_place(place)
    return place


def _check_filter(wanted: dict[str, Any]) -> None:
    """Checkpoints are found by plain keys alone: a saver refuses others."""
    parse_filter(wanted, "metadata")
    for key in wanted:
        if not _PLAIN_KEY.fullmatch(key):
            raise invalid(f"`metadata` has a key that cannot be searched: {key!r}")


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
