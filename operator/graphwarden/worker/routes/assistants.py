"""Assistants: the defaults of this worker's graphs, and those that the API made."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api import assistants as shapes
from graphwarden.api import names
from graphwarden.api.assistants import AssistantQuery, InvalidQuery, Window
from graphwarden.api.errors import Reason
from graphwarden.worker.assistant_requests import (
    parse_change,
    parse_new_assistant,
    parse_version,
    require_assistant_id,
)
from graphwarden.worker.assistants import make_default, parse_assistant_id
from graphwarden.worker.errors import ApiError, invalid, thread_busy
from graphwarden.worker.graphs import Slot
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_count,
    parse_filter,
    read_object,
)
from graphwarden.worker.service import Service
from graphwarden.worker.threads import ThreadQuery

_PAGE = 100
_STOP_SECONDS = 10.0


async def create(request: Request) -> Response:
    """`POST /assistants`."""
    service = get_service(request)
    wanted = parse_new_assistant(await read_object(request), datetime.now(UTC))
    assistant = wanted.assistant
    _require_graph(request, assistant.graph_id)
    taken: dict[str, Any] | None = None
    slot = _find_default(service, assistant.assistant_id)
    if slot is not None:
        taken = make_default(slot, service.settings.capability)
    else:
        records = service.require_storage().assistants
        if await records.create(assistant):
            return answer_json(assistant.to_json())
        stored = await records.fetch(assistant.assistant_id)
        taken = stored.to_json() if stored is not None else None
    if taken is not None and wanted.keep_existing:
        return answer_json(taken)
    raise ApiError(409, Reason.CONFLICT, shapes.explain_taken(assistant.assistant_id))


async def read(request: Request) -> Response:
    """`GET /assistants/{assistant_id}`, which may also be a graph's name."""
    service = get_service(request)
    slot = _find_default(service, request.path_params["assistant_id"])
    if slot is not None:
        return answer_json(make_default(slot, service.settings.capability))
    assistant_id = require_assistant_id(request.path_params["assistant_id"])
    if service.settings.database_url is None:
        raise _not_found(assistant_id)
    stored = await service.require_storage().assistants.fetch(assistant_id)
    if stored is None:
        raise _not_found(assistant_id)
    return answer_json(stored.to_json())


async def change(request: Request) -> Response:
    """`PATCH /assistants/{assistant_id}`: makes a new version."""
    service = get_service(request)
    assistant_id = _require_stored(request)
    wanted = parse_change(await read_object(request))
    if wanted.graph_id is not None:
        _require_graph(request, wanted.graph_id)
    changed = await service.require_storage().assistants.change(assistant_id, wanted)
    if changed is None:
        raise _not_found(assistant_id)
    return answer_json(changed.to_json())


async def remove(request: Request) -> Response:
    """`DELETE /assistants/{assistant_id}?delete_threads=`."""
    service = get_service(request)
    assistant_id = _require_stored(request)
    storage = service.require_storage()
    if await storage.assistants.fetch(assistant_id) is None:
        raise _not_found(assistant_id)
    if _parse_flag(request, "delete_threads"):
        await _delete_threads(service, assistant_id)
    if not await storage.assistants.delete(assistant_id):
        raise _not_found(assistant_id)
    return Response(status_code=204)


async def search(request: Request) -> Response:
    """`POST /assistants/search`."""
    service = get_service(request)
    stored_only = _parse_flag(request, shapes.STORED_ONLY)
    query = await _read_query(request, stored_only=stored_only)
    defaults = [] if stored_only else _list_defaults(service, query)
    window = shapes.make_window(query, len(defaults))
    stored, total = await _search_stored(service, query, window)
    page = shapes.merge_page(query, defaults, stored)
    return answer_json(page, headers=shapes.make_page_headers(query, len(defaults) + total))


async def count(request: Request) -> Response:
    """`POST /assistants/count`."""
    service = get_service(request)
    stored_only = _parse_flag(request, shapes.STORED_ONLY)
    query = await _read_query(request, stored_only=stored_only)
    total = 0 if stored_only else len(_list_defaults(service, query))
    if _may_be_stored(service, query):
        total += await service.require_storage().assistants.count(query)
    return answer_json(total)


async def list_versions(request: Request) -> Response:
    """`POST /assistants/{assistant_id}/versions`, the newest first."""
    service = get_service(request)
    body = await read_object(request)
    metadata = parse_filter(body.get("metadata"), "metadata")
    limit = parse_count(body.get("limit"), "limit", 10, 1000)
    offset = parse_count(body.get("offset"), "offset", 0, 2**31 - 1)
    slot = _find_default(service, request.path_params["assistant_id"])
    if slot is not None:
        return answer_json([_as_version(make_default(slot, service.settings.capability))])
    assistant_id = require_assistant_id(request.path_params["assistant_id"])
    records = service.require_storage().assistants
    versions = await records.list_versions(assistant_id, metadata, limit, offset)
    if versions is None:
        raise _not_found(assistant_id)
    return answer_json([_as_version(version.to_json()) for version in versions])


async def set_latest(request: Request) -> Response:
    """`POST /assistants/{assistant_id}/latest`: go back to a version."""
    service = get_service(request)
    version = parse_version(await read_object(request))
    slot = _find_default(service, request.path_params["assistant_id"])
    if slot is not None and slot.row.generation == version:
        return answer_json(make_default(slot, service.settings.capability))
    assistant_id = _require_stored(request)
    chosen = await service.require_storage().assistants.set_latest(assistant_id, version)
    if chosen is None:
        raise _not_found(assistant_id)
    return answer_json(chosen.to_json())


def _require_graph(request: Request, graph_id: str) -> None:
    """The graph is served here, or a router that knows the whole fleet says that it is there."""
    known = get_service(request).graphs.slots
    if graph_id not in known and request.headers.get(shapes.GRAPH_HEADER) != graph_id:
        detail = shapes.explain_unknown_graph(graph_id, list(known))
        raise ApiError(404, Reason.NOT_FOUND, detail)


def _require_stored(request: Request) -> str:
    """The UUID in the path, of an assistant that may be changed."""
    named = request.path_params["assistant_id"]
    slot = _find_default(get_service(request), named)
    if slot is not None:
        detail = shapes.explain_read_only(slot.row.assistant_id)
        raise ApiError(409, Reason.CONFLICT, detail)
    return require_assistant_id(named)


def _find_default(service: Service, named: str) -> Slot | None:
    """The graph of that name, or whose default assistant has that UUID."""
    slots = service.graphs.slots
    if named in slots:
        return slots[named]
    assistant_id = parse_assistant_id(named)
    if assistant_id is None:
        return None
    graphs = (slot for name, slot in slots.items() if names.assistant_uuid(name) == assistant_id)
    return next(graphs, None)


def _list_defaults(service: Service, query: AssistantQuery) -> list[dict[str, Any]]:
    capability = service.settings.capability
    found = (make_default(slot, capability) for slot in service.graphs.slots.values())
    return [assistant for assistant in found if shapes.matches(assistant, query)]


def _may_be_stored(service: Service, query: AssistantQuery) -> bool:
    return service.settings.database_url is not None and not query.wants_defaults_only


async def _search_stored(
    service: Service, query: AssistantQuery, window: Window
) -> tuple[list[dict[str, Any]], int]:
    if not _may_be_stored(service, query):
        return [], 0
    found, total = await service.require_storage().assistants.search(query, window)
    return [assistant.to_json() for assistant in found], total


async def _read_query(request: Request, *, stored_only: bool) -> AssistantQuery:
    try:
        # A router asks for what may stand on a page of the whole fleet: more than one page.
        limit = 2**31 - 1 if stored_only else shapes.PAGE_LIMIT
        body = await read_object(request)
        parse_filter(body.get("metadata"), "metadata")
        return shapes.parse_query(body, limit=limit)
    except InvalidQuery as error:
        raise invalid(str(error)) from None


async def _delete_threads(service: Service, assistant_id: str) -> None:
    storage = service.require_storage()
    query = ThreadQuery(metadata={"assistant_id": assistant_id}, limit=_PAGE)
    while True:
        threads, _ = await storage.records.search_threads(query)
        if not threads:
            return
        for thread in threads:
            await _delete_thread(service, thread.thread_id)


async def _delete_thread(service: Service, thread_id: str) -> None:
    storage = service.require_storage()
    for handle in [h for h in service.runs.handles if h.thread_id == thread_id]:
        handle.stop("deleted")
        await asyncio.wait({handle.task}, timeout=_STOP_SECONDS)
    hold = await storage.ownership.hold(thread_id)
    if hold is None:
        if await storage.records.fetch_thread(thread_id) is not None:
            raise thread_busy()
        return
    try:
        await storage.forget_thread(thread_id)
    finally:
        await storage.ownership.let_go(hold)


def _as_version(shape: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shape.items() if key != "updated_at"}


def _parse_flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"`{name}` must be true or false")
    return value == "true"


def _not_found(assistant_id: str) -> ApiError:
    return ApiError(404, Reason.NOT_FOUND, shapes.explain_missing(assistant_id))


ROUTES = [
    Route("/assistants", create, methods=["POST"]),
    Route("/assistants/search", search, methods=["POST"]),
    Route("/assistants/count", count, methods=["POST"]),
    Route("/assistants/{assistant_id}", read, methods=["GET"]),
    Route("/assistants/{assistant_id}", change, methods=["PATCH"]),
    Route("/assistants/{assistant_id}", remove, methods=["DELETE"]),
    Route("/assistants/{assistant_id}/versions", list_versions, methods=["POST"]),
    Route("/assistants/{assistant_id}/latest", set_latest, methods=["POST"]),
]
