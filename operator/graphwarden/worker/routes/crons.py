"""Crons: create, read, change, delete, search, count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.utils.uuid import uuid7
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api import names
from graphwarden.api.errors import Reason
from graphwarden.worker.assistants import parse_assistant_id
from graphwarden.worker.crons import SORT_KEYS, Cron, InvalidSchedule, find_next
from graphwarden.worker.errors import ApiError, invalid, misdirected
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_count,
    parse_filter,
    parse_thread_id,
    read_object,
    read_run_body,
)
from graphwarden.worker.routes.runs import make_order
from graphwarden.worker.routes.threads import fetch_thread

if TYPE_CHECKING:
    from graphwarden.worker.storage.crons import CronRecords

# What belongs to the schedule and not to its runs.
_OWN = ("end_time", "enabled", "on_run_completed", "timezone")


async def create(request: Request) -> Response:
    """`POST /runs/crons`: each run on a thread of its own."""
    return await _create(request, None)


async def create_on_thread(request: Request) -> Response:
    """`POST /threads/{thread_id}/runs/crons`."""
    return await _create(request, (await fetch_thread(request)).thread_id)


async def read(request: Request) -> Response:
    """`GET /runs/crons/{cron_id}`."""
    return answer_json((await _fetch(request)).to_json())


async def change(request: Request) -> Response:
    """`PATCH /runs/crons/{cron_id}`: what is given, the rest stays."""
    cron = await _fetch(request)
    body = await read_object(request)
    now = datetime.now(UTC)
    own = {name: body[name] for name in ("schedule", *_OWN) if name in body}
    payload = {**cron.payload, **{k: v for k, v in body.items() if k not in (*_OWN, "metadata")}}
    payload["assistant_id"] = cron.assistant_id
    changed = replace(
        cron,
        schedule=_parse_schedule({"schedule": cron.schedule, **own}),
        timezone=own.get("timezone", cron.timezone),
        end_time=_parse_time(own["end_time"]) if "end_time" in own else cron.end_time,
        enabled=_parse_flag(own.get("enabled", cron.enabled)),
        on_run_completed=_parse_completion(own.get("on_run_completed", cron.on_run_completed)),
        metadata={**cron.metadata, **_parse_object(body, "metadata")},
        payload=payload,
        updated_at=now,
    )
    changed = replace(changed, next_run_at=_next(changed, now) if changed.enabled else None)
    await make_order(get_service(request), _run_body(changed), changed.thread_id)
    await _records(request).change(changed)
    return answer_json(changed.to_json())


async def remove(request: Request) -> Response:
    """`DELETE /runs/crons/{cron_id}`."""
    if not await _records(request).delete(_parse_cron_id(request)):
        raise _not_found()
    return Response(status_code=204)


async def search(request: Request) -> Response:
    """`POST /runs/crons/search`."""
    body = await read_object(request)
    sort_by = body.get("sort_by") or "created_at"
    if sort_by not in SORT_KEYS:
        raise invalid(f"`sort_by` must be one of {', '.join(SORT_KEYS)}")
    offset = parse_count(body.get("offset"), "offset", 0, 2**31)
    found, total = await _records(request).search(
        _parse_filters(body),
        limit=parse_count(body.get("limit"), "limit", 10, 1000),
        offset=offset,
        sort_by=sort_by,
        descending=body.get("sort_order", "desc") != "asc",
    )
    headers = {"x-pagination-total": str(total)}
    if offset + len(found) < total:
        headers["x-pagination-next"] = str(offset + len(found))
    shapes = [cron.to_json() for cron in found]
    select = body.get("select")
    if isinstance(select, list) and select:
        shapes = [{k: v for k, v in shape.items() if k in select} for shape in shapes]
    return answer_json(shapes, headers=headers)


async def count(request: Request) -> Response:
    """`POST /runs/crons/count`."""
    return answer_json(await _records(request).count(_parse_filters(await read_object(request))))


async def _create(request: Request, thread_id: str | None) -> Response:
    service = get_service(request)
    body = await read_run_body(request)
    if not isinstance(body, dict):
        raise invalid("the request body must be a JSON object")
    now = datetime.now(UTC)
    cron_id = str(uuid7())
    config = _parse_object(body, "config")
    configurable = {**_parse_object(config, "configurable"), "cron_id": cron_id}
    payload = {k: v for k, v in body.items() if k not in (*_OWN, "metadata")}
    if not body.get("context"):
        payload["config"] = {**config, "configurable": configurable}
    keep = _parse_completion(body.get("on_run_completed") or ("delete" if not thread_id else None))
    cron = Cron(
        cron_id=cron_id,
        assistant_id="",
        graph_id="",
        thread_id=thread_id,
        schedule=_parse_schedule(body),
        timezone=body.get("timezone"),
        end_time=_parse_time(body.get("end_time")),
        payload=payload,
        metadata=_parse_object(body, "metadata"),
        on_run_completed=keep,
        enabled=_parse_flag(body.get("enabled", True)),
        created_at=now,
        updated_at=now,
    )
    order = await make_order(service, _run_body(cron), thread_id)
    cron = replace(
        cron,
        assistant_id=order.assistant_id,
        graph_id=order.graph.row.assistant_id,
        payload={**payload, "assistant_id": order.assistant_id},
        next_run_at=_next(cron, now) if cron.enabled else None,
    )
    await _records(request).create(cron)
    return answer_json(cron.to_json())


def _run_body(cron: Cron) -> dict[str, Any]:
    """The body of the runs that a cron starts."""
    if cron.thread_id is not None:
        return cron.payload
    return {**cron.payload, "on_completion": cron.on_run_completed}


def _next(cron: Cron, now: datetime) -> datetime | None:
    try:
        return find_next(cron.schedule, cron.timezone, now, cron.end_time)
    except InvalidSchedule as problem:
        raise invalid(str(problem)) from problem


def _parse_schedule(body: dict[str, Any]) -> str:
    schedule, timezone = body.get("schedule"), body.get("timezone")
    if not isinstance(schedule, str):
        raise invalid("`schedule` must be a cron schedule of five fields")
    if timezone is not None and not isinstance(timezone, str):
        raise invalid("`timezone` must be a name of the IANA time zone database")
    try:
        find_next(schedule, timezone, datetime.now(UTC))
    except InvalidSchedule as problem:
        raise invalid(str(problem)) from problem
    return schedule


def _parse_time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise invalid("`end_time` must be a time by ISO 8601") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _parse_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid("`enabled` must be true or false")
    return value


def _parse_completion(value: Any) -> str | None:
    if value not in (None, "delete", "keep"):
        raise invalid("`on_run_completed` must be delete or keep")
    return value  # type: ignore[no-any-return]


def _parse_filters(body: dict[str, Any]) -> dict[str, Any]:
    assistant, thread, enabled = (body.get(n) for n in ("assistant_id", "thread_id", "enabled"))
    if assistant is not None and not isinstance(assistant, str):
        raise invalid("`assistant_id` must be a graph's name or an assistant's UUID")
    if assistant is not None:
        assistant = parse_assistant_id(assistant) or names.assistant_uuid(assistant)
    return {
        "assistant_id": assistant,
        "thread_id": parse_thread_id(thread) if thread is not None else None,
        "enabled": _parse_flag(enabled) if enabled is not None else None,
        "metadata": parse_filter(body.get("metadata"), "metadata"),
    }


def _parse_object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(f"`{name}` must be an object")
    return value or {}


def _parse_cron_id(request: Request) -> str:
    """The id in its usual spelling; what is none names no cron."""
    found = parse_assistant_id(request.path_params["cron_id"])
    if found is None:
        raise _not_found()
    return found


def _not_found() -> ApiError:
    return ApiError(404, Reason.NOT_FOUND, "Not Found")


async def _fetch(request: Request) -> Cron:
    cron = await _records(request).fetch(_parse_cron_id(request))
    if cron is None:
        raise _not_found()
    if request.method == "PATCH" and cron.graph_id not in get_service(request).graphs.slots:
        raise misdirected(cron.graph_id)
    return cron


def _records(request: Request) -> CronRecords:
    return get_service(request).require_storage().crons


ROUTES = [
    Route("/runs/crons", create, methods=["POST"]),
    Route("/runs/crons/search", search, methods=["POST"]),
    Route("/runs/crons/count", count, methods=["POST"]),
    Route("/runs/crons/{cron_id}", read, methods=["GET"]),
    Route("/runs/crons/{cron_id}", change, methods=["PATCH"]),
    Route("/runs/crons/{cron_id}", remove, methods=["DELETE"]),
    Route("/threads/{thread_id}/runs/crons", create_on_thread, methods=["POST"]),
]
