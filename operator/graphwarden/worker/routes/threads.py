"""Threads: create, read, change, copy, delete, search, count, prune."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from langchain_core.utils.uuid import uuid7
from langgraph.types import StateUpdate
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api.errors import Reason
from graphwarden.telemetry import logs
from graphwarden.worker.engine.retention import parse_ttl
from graphwarden.worker.errors import (
    ApiError,
    invalid,
    misdirected,
    not_resumable,
    thread_not_found,
)
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.requests import make_command
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_count,
    parse_filter,
    parse_thread_id,
    read_object,
)
from graphwarden.worker.service import Service
from graphwarden.worker.threads import EXTRACTABLE, SORT_KEYS, STATUSES, Thread, ThreadQuery

_PRUNE_LIMIT = 1000
_LONGEST_TTL_MINUTES = 60 * 24 * 366 * 10
_STRATEGIES = ("delete", "keep_latest")


async def create(request: Request) -> Response:
    """`POST /threads`."""
    service = get_service(request)
    body = await read_object(request)
    given = body.get("thread_id")
    thread_id = parse_thread_id(given) if given is not None else str(uuid.uuid4())
    logs.bind(thread_id=thread_id)
    if_exists = body.get("if_exists") or "raise"
    if if_exists not in ("raise", "do_nothing"):
        raise invalid("`if_exists` must be raise or do_nothing")
    ttl = _parse_ttl(body)
    metadata = _object(body, "metadata")
    steps = _parse_supersteps(body)
    graph = _find_graph(service, metadata) if steps else None
    thread = await service.require_storage().records.create_thread(thread_id, metadata)
    if thread is None and if_exists == "do_nothing":
        return answer_json((await _require(service, thread_id)).to_json())
    if thread is None:
        detail = f"Thread with ID {thread_id} already exists"
        raise ApiError(409, Reason.CONFLICT, detail)
    await _set_ttl(service, thread_id, ttl)
    if graph is not None:
        await _replay(service, graph, thread_id, steps)
        thread = await _require(service, thread_id)
    return answer_json(thread.to_json())


async def read(request: Request) -> Response:
    """`GET /threads/{thread_id}`."""
    return answer_json((await fetch_thread(request)).to_json())


async def change(request: Request) -> Response:
    """`PATCH /threads/{thread_id}`: merges the metadata."""
    service = get_service(request)
    thread = await fetch_thread(request)
    body = await read_object(request)
    ttl = _parse_ttl(body)
    records = service.require_storage().records
    changed = await records.merge_thread_metadata(thread.thread_id, _object(body, "metadata"))
    if changed is None:
        raise thread_not_found(thread.thread_id)
    await _set_ttl(service, thread.thread_id, ttl)
    if "return=minimal" in request.headers.get("prefer", ""):
        return Response(status_code=204)
    return answer_json(changed.to_json())


async def copy(request: Request) -> Response:
    """`POST /threads/{thread_id}/copy`: another thread with the same checkpoints."""
    storage = get_service(request).require_storage()
    source = await fetch_thread(request)
    target = str(uuid7())
    await storage.checkpoints.copy(source.thread_id, target)
    made = await storage.records.copy_thread(source, target)
    return answer_json(made.to_json())


async def remove(request: Request) -> Response:
    """`DELETE /threads/{thread_id}`: its runs are stopped first, wherever they are."""
    service = get_service(request)
    thread = await fetch_thread(request)
    await service.require_engine().remove_thread(thread.thread_id)
    return Response(status_code=204)


async def search(request: Request) -> Response:
    """`POST /threads/search`."""
    records = get_service(request).require_storage().records
    body = await read_object(request)
    query = _parse_query(body)
    extract = _parse_extract(body)
    threads, total = await records.search_threads(query)
    headers = {"x-pagination-total": str(total)}
    seen = query.offset + len(threads)
    if seen < total:
        headers["x-pagination-next"] = str(seen)
    select = _parse_names(body, "select")
    shapes = []
    for thread in threads:
        shape = thread.to_json()
        if select:
            shape = {key: value for key, value in shape.items() if key in select}
        if extract:
            shape["extracted"] = thread.extract(extract)
        shapes.append(shape)
    return answer_json(shapes, headers=headers)


async def count(request: Request) -> Response:
    """`POST /threads/count`."""
    records = get_service(request).require_storage().records
    return answer_json(await records.count_threads(_parse_query(await read_object(request))))


async def prune(request: Request) -> Response:
    """`POST /threads/prune`: delete threads, or all their checkpoints but the last."""
    service = get_service(request)
    body = await read_object(request)
    wanted = _parse_names(body, "thread_ids")
    if not wanted or len(wanted) > _PRUNE_LIMIT:
        raise invalid(f"`thread_ids` must be a list of 1 to {_PRUNE_LIMIT} thread ids")
    strategy = body.get("strategy") or "delete"
    if strategy not in _STRATEGIES:
        raise invalid(f"`strategy` must be one of {', '.join(_STRATEGIES)}")
    storage = service.require_storage()
    pruned = 0
    for thread_id in (parse_thread_id(item) for item in wanted):
        if await storage.records.fetch_thread(thread_id) is None:
            continue
        if strategy == "delete":
            await service.require_engine().remove_thread(thread_id)
        else:
            fence = await service.require_engine().hold(thread_id)
            try:
                await storage.keep_latest(thread_id)
            finally:
                await storage.ownership.let_go(fence)
        pruned += 1
    return answer_json({"pruned_count": pruned})


async def fetch_thread(request: Request) -> Thread:
    """The thread that the path names.

    Raises:
        ApiError: 422 for a malformed id, 404 when there is no such thread.
    """
    thread_id = parse_thread_id(request.path_params["thread_id"])
    logs.bind(thread_id=thread_id)
    return await _require(get_service(request), thread_id)


async def _require(service: Service, thread_id: str) -> Thread:
    thread = await service.require_storage().records.fetch_thread(thread_id)
    if thread is None:
        raise thread_not_found(thread_id)
    return thread


def _find_graph(service: Service, metadata: dict[str, Any]) -> LoadedGraph:
    name = metadata.get("graph_id")
    if not isinstance(name, str):
        raise invalid("`supersteps` need `metadata.graph_id`: the graph whose state they write")
    slot = service.graphs.slots.get(name)
    if slot is None:
        raise misdirected(name)
    if not slot.row.resumable:
        raise not_resumable(name)
    return service.graphs.require(slot)


async def _replay(
    service: Service, graph: LoadedGraph, thread_id: str, steps: list[list[StateUpdate]]
) -> None:
    """Write a history that happened elsewhere."""
    from graphwarden.worker.routes.states import holding, record_state

    async with holding(service, thread_id) as fence:
        config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        try:
            async with graph.open("threads.update", config) as pregel:
                await pregel.abulk_update_state(config, steps)
        except Exception as error:
            await service.require_storage().forget_thread(thread_id)
            detail = f"the graph does not take these supersteps: {type(error).__name__}: {error}"
            raise ApiError(400, Reason.INVALID_REQUEST, detail) from error
        await record_state(service, graph, fence)


def _parse_supersteps(body: dict[str, Any]) -> list[list[StateUpdate]]:
    steps = body.get("supersteps")
    if steps is None:
        return []
    if not isinstance(steps, list):
        raise invalid("`supersteps` must be a list of {updates: [...]}")
    return [_parse_superstep(step) for step in steps]


def _parse_superstep(step: Any) -> list[StateUpdate]:
    updates = step.get("updates") if isinstance(step, dict) else None
    if not isinstance(updates, list) or not all(isinstance(item, dict) for item in updates):
        raise invalid("each superstep must be {updates: [{values, as_node}]}")
    if not all(isinstance(item.get("as_node"), str | None) for item in updates):
        raise invalid("`as_node` of an update must be the name of a node")
    return [StateUpdate(_parse_update(item), item.get("as_node")) for item in updates]


def _parse_update(item: dict[str, Any]) -> Any:
    command = item.get("command")
    return make_command(command) if isinstance(command, dict) else item.get("values")


def _parse_ttl(body: dict[str, Any]) -> dict[str, Any] | None:
    ttl = body.get("ttl")
    if ttl is None:
        return None
    if isinstance(ttl, int | float) and not isinstance(ttl, bool):
        ttl = {"ttl": ttl}
    minutes = ttl.get("ttl") if isinstance(ttl, dict) else None
    is_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if minutes is None or not is_number or not 0 < minutes <= _LONGEST_TTL_MINUTES:
        raise invalid("`ttl` must be {ttl: minutes, strategy: delete|keep_latest}")
    strategy = ttl.get("strategy") or "delete"
    if strategy not in _STRATEGIES:
        raise invalid(f"`ttl.strategy` must be one of {', '.join(_STRATEGIES)}")
    return {"ttl": minutes, "strategy": strategy}


async def _set_ttl(service: Service, thread_id: str, ttl: dict[str, Any] | None) -> None:
    if ttl is not None:
        due = parse_ttl(ttl, datetime.now(UTC))
        await service.require_storage().records.set_ttl(thread_id, ttl, due)


def _parse_query(body: dict[str, Any]) -> ThreadQuery:
    status, sort_by = body.get("status"), body.get("sort_by") or "created_at"
    if status is not None and status not in STATUSES:
        raise invalid(f"`status` must be one of {', '.join(STATUSES)}")
    if sort_by not in SORT_KEYS:
        raise invalid(f"`sort_by` must be one of {', '.join(SORT_KEYS)}")
    return ThreadQuery(
        ids=_parse_names(body, "ids"),
        metadata=parse_filter(body.get("metadata"), "metadata"),
        values=parse_filter(body.get("values"), "values"),
        status=status,
        limit=parse_count(body.get("limit"), "limit", 10, 1000),
        offset=parse_count(body.get("offset"), "offset", 0, 2**31),
        sort_by=sort_by,
        descending=body.get("sort_order", "desc") != "asc",
    )


def _parse_extract(body: dict[str, Any]) -> dict[str, str]:
    extract = _object(body, "extract")
    for alias, path in extract.items():
        if not isinstance(path, str) or not path.startswith(EXTRACTABLE):
            raise invalid(f"`extract.{alias}` must be a path into {', '.join(EXTRACTABLE)}")
    return extract


def _parse_names(body: dict[str, Any], name: str) -> list[str] | None:
    value = body.get(name)
    if value is not None and not (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    ):
        raise invalid(f"`{name}` must be a list of strings")
    return value


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"`{name}` must be an object")
    return value


ROUTES = [
    Route("/threads", create, methods=["POST"]),
    Route("/threads/search", search, methods=["POST"]),
    Route("/threads/count", count, methods=["POST"]),
    Route("/threads/prune", prune, methods=["POST"]),
    Route("/threads/{thread_id}", read, methods=["GET"]),
    Route("/threads/{thread_id}", change, methods=["PATCH"]),
    Route("/threads/{thread_id}", remove, methods=["DELETE"]),
    Route("/threads/{thread_id}/copy", copy, methods=["POST"]),
]
