"""Threads: create, read, change, delete, search."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api.errors import Reason
from graphwarden.telemetry import logs
from graphwarden.worker.errors import (
    ApiError,
    invalid,
    thread_busy,
    thread_not_found,
    unsupported,
)
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_count,
    parse_thread_id,
    read_object,
)
from graphwarden.worker.threads import SORT_KEYS, STATUSES, Thread, ThreadQuery

_DELETE_WAIT_SECONDS = 10.0


async def create(request: Request) -> Response:
    """`POST /threads`."""
    records = get_service(request).require_storage().records
    body = await read_object(request)
    for field, explanation in (
        ("ttl", "threads are kept until they are deleted"),
        ("supersteps", "start a run or update the thread's state instead"),
    ):
        if body.get(field):
            raise unsupported(field, explanation)
    given = body.get("thread_id")
    thread_id = parse_thread_id(given) if given is not None else str(uuid.uuid4())
    logs.bind(thread_id=thread_id)
    thread = await records.create_thread(thread_id, _object(body, "metadata"))
    if thread is None and body.get("if_exists") == "do_nothing":
        thread = await records.fetch_thread(thread_id)
    if thread is None:
        detail = f"Thread with ID {thread_id} already exists"
        raise ApiError(409, Reason.CONFLICT, detail)
    return answer_json(thread.to_json())


async def read(request: Request) -> Response:
    """`GET /threads/{thread_id}`."""
    return answer_json((await fetch_thread(request)).to_json())


async def change(request: Request) -> Response:
    """`PATCH /threads/{thread_id}`: merges the metadata."""
    thread = await fetch_thread(request)
    body = await read_object(request)
    if body.get("ttl"):
        raise unsupported("ttl", "threads are kept until they are deleted")
    records = get_service(request).require_storage().records
    changed = await records.merge_thread_metadata(thread.thread_id, _object(body, "metadata"))
    if changed is None:
        raise thread_not_found(thread.thread_id)
    if "return=minimal" in request.headers.get("prefer", ""):
        return Response(status_code=204)
    return answer_json(changed.to_json())


async def remove(request: Request) -> Response:
    """`DELETE /threads/{thread_id}`: stops its run when that is in flight here."""
    service = get_service(request)
    thread = await fetch_thread(request)
    for handle in service.runs.stop_thread(thread.thread_id, "deleted"):
        await asyncio.wait({handle.task}, timeout=_DELETE_WAIT_SECONDS)
    ownership = await service.require_storage().locks.try_acquire(thread.thread_id)
    if ownership is None:
        raise thread_busy()
    try:
        await service.durable_runs().forget_thread(thread.thread_id)
    finally:
        await ownership.release()
    return Response(status_code=204)


async def search(request: Request) -> Response:
    """`POST /threads/search`."""
    records = get_service(request).require_storage().records
    body = await read_object(request)
    if body.get("extract"):
        raise unsupported("extract", "select whole fields instead")
    query = _parse_query(body)
    threads, total = await records.search_threads(query)
    headers = {"x-pagination-total": str(total)}
    seen = query.offset + len(threads)
    if seen < total:
        headers["x-pagination-next"] = str(seen)
    select = body.get("select")
    shapes = [thread.to_json() for thread in threads]
    if isinstance(select, list) and select:
        shapes = [{k: v for k, v in shape.items() if k in select} for shape in shapes]
    return answer_json(shapes, headers=headers)


async def fetch_thread(request: Request) -> Thread:
    """The thread that the path names.

    Raises:
        ApiError: 422 for a malformed id, 404 when there is no such thread.
    """
    thread_id = parse_thread_id(request.path_params["thread_id"])
    logs.bind(thread_id=thread_id)
    thread = await get_service(request).require_storage().records.fetch_thread(thread_id)
    if thread is None:
        raise thread_not_found(thread_id)
    return thread


def _parse_query(body: dict[str, Any]) -> ThreadQuery:
    status, sort_by = body.get("status"), body.get("sort_by") or "created_at"
    if status is not None and status not in STATUSES:
        raise invalid(f"`status` must be one of {', '.join(STATUSES)}")
    if sort_by not in SORT_KEYS:
        raise invalid(f"`sort_by` must be one of {', '.join(SORT_KEYS)}")
    return ThreadQuery(
        ids=body.get("ids"),
        metadata=_object(body, "metadata"),
        values=_object(body, "values"),
        status=status,
        limit=parse_count(body.get("limit"), "limit", 10, 1000),
        offset=parse_count(body.get("offset"), "offset", 0, 2**31),
        sort_by=sort_by,
        descending=body.get("sort_order", "desc") != "asc",
    )


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
    Route("/threads/{thread_id}", read, methods=["GET"]),
    Route("/threads/{thread_id}", change, methods=["PATCH"]),
    Route("/threads/{thread_id}", remove, methods=["DELETE"]),
]
