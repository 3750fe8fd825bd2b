"""Graphs that are web pages: one run without a thread answers a request of anybody."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api.errors import Reason
from graphwarden.worker.errors import ApiError
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.routes.bodies import get_service
from graphwarden.worker.routes.runs import begin_stateless
from graphwarden.worker.runs import Outcome

_BODY_LIMIT = 64 * 2**10
_FIELDS_LIMIT = 100
_FORM = "application/x-www-form-urlencoded"
# The page of a graph loads nothing, embeds nothing, runs no script, and is embedded nowhere.
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class PageResponse(BaseModel):
    """What the graph gives as `response`."""

    model_config = ConfigDict(extra="forbid")

    status: int = Field(200, ge=200, le=599)
    content_type: Literal["text/html", "text/plain", "application/json"] = "text/html"
    body: str = Field("", max_length=2**20)


async def show(request: Request) -> Response:
    """`GET` and `POST /pages/{assistant_id}`: the page that the graph makes; open to everybody."""
    service, name = get_service(request), request.path_params["assistant_id"]
    slot = service.graphs.slots.get(name)
    methods = slot.row.page_methods if slot is not None else None
    if methods is None:
        raise ApiError(404, Reason.NOT_FOUND, f"{name!r} is no page")
    if request.method not in methods:
        allow = {"allow": ", ".join(methods)}
        raise ApiError(405, Reason.METHOD_NOT_ALLOWED, "this page has another method", allow)
    asked = {
        "method": request.method,
        "query": _parse(request.url.query),
        "form": _parse(await _read_form(request)),
    }
    body = {"assistant_id": name, "input": {"request": asked}, "on_disconnect": "continue"}
    outcome = await _wait(await begin_stateless(service, body, None))
    page = _read_page(outcome)
    content = page.body.encode()
    kind = f"{page.content_type}; charset=utf-8"
    return Response(content, page.status, {**_HEADERS, "content-type": kind})


async def _wait(handle: RunHandle) -> Outcome:
    """The run's end; it goes on when the caller leaves, for what it does must be done."""
    return await asyncio.shield(handle.task)


def _read_page(outcome: Outcome) -> PageResponse:
    """The page of a run.

    Raises:
        ApiError: 500; what went wrong is in the worker's log, and not for everybody.
    """
    answer: Any = outcome.answer
    try:
        given = answer.get("response") if isinstance(answer, dict) else None
        return PageResponse.model_validate(given)
    except ValidationError:
        detail = "the page could not be made; its owner finds the reason under this trace id"
        raise ApiError(500, Reason.INTERNAL, detail) from None


def _parse(text: str) -> dict[str, str]:
    """Fields by name; of several with one name the last counts."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_LIMIT))
    except ValueError:
        raise ApiError(400, Reason.INVALID_REQUEST, f"more than {_FIELDS_LIMIT} fields") from None


async def _read_form(request: Request) -> str:
    """The body of a form; any other kind counts as none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            detail = f"the request body is larger than {_BODY_LIMIT} bytes"
            raise ApiError(413, Reason.BODY_TOO_LARGE, detail)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return body.decode("utf-8", errors="replace") if kind == _FORM else ""


ROUTES = [Route("/pages/{assistant_id}", show, methods=["GET", "POST"])]
