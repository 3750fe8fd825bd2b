"""Read a request: its body within bounds, its ids in shape."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from graphwarden.api import names
from graphwarden.api.errors import Reason
from graphwarden.worker.encoding import dumps
from graphwarden.worker.errors import ApiError, invalid
from graphwarden.worker.service import Service

_INVALID_THREAD_ID = (
    "Invalid thread ID: must be a UUID, or a stable key of words joined by hyphens such as "
    "campaign-7-42"
)


def get_service(request: Request) -> Service:
    """The worker behind the request."""
    service: Service = request.app
    return service


async def read_json(request: Request) -> Any:
    """The JSON value of the body, whatever content type it claims: Studio posts text/plain.

    Raises:
        ApiError: 413 past the limit, 400 when it is not JSON.
    """
    limit = get_service(request).settings.max_body_bytes
    length = request.headers.get("content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError(400, Reason.INVALID_JSON, "Invalid JSON in request body") from None


async def read_run_body(request: Request) -> Any:
    """The body of a request for a run.

    What routes by `x-assistant-id` has not looked at the body, and may have asked only whether the
    caller may run the one that the header names.

    Raises:
        ApiError: 422 when the two name different assistants, and what `read_json` raises.
    """
    body = await read_json(request)
    named = request.headers.get("x-assistant-id")
    if named is not None and isinstance(body, dict) and body.get("assistant_id") != named:
        raise invalid(
            f"the header x-assistant-id names {named!r}, and assistant_id in the body is "
            f"{body.get('assistant_id')!r}: send the same in both, or leave the header out"
        )
    return body


def _too_large(limit: int) -> ApiError:
    detail = f"the request body is larger than {limit} bytes"
    return ApiError(413, Reason.BODY_TOO_LARGE, detail)


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of the body; an empty body counts as an empty object."""
    if request.headers.get("content-length") == "0":
        return {}
    body = await read_json(request)
    if not isinstance(body, dict):
        raise invalid("the request body must be a JSON object")
    return body


def parse_thread_id(value: Any) -> str:
    """A thread id in one spelling.

    Raises:
        ApiError: 422 when it is neither a UUID nor a stable key.
    """
    if not isinstance(value, str) or not names.is_thread_id(value):
        raise invalid(_INVALID_THREAD_ID)
    return value


def parse_count(value: Any, name: str, default: int, limit: int) -> int:
    """A whole number from 0 to `limit`, from JSON or from a query string."""
    if value is None:
        return default
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise invalid(f"`{name}` must be a whole number from 0 to {limit}")
    return value


def parse_filter(value: Any, name: str) -> dict[str, Any]:
    """What is to be found in a JSON column, in terms that every database can compare.

    Raises:
        ApiError: 422 where it could not be asked for.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"`{name}` must be an object")
    if not _can_be_compared(value):
        raise invalid(f"`{name}` must have no NUL in a text and no number beyond 64 bits")
    return value


def _can_be_compared(value: Any) -> bool:
    match value:
        case dict():
            return all("\0" not in k and _can_be_compared(v) for k, v in value.items())
        case list():
            return all(map(_can_be_compared, value))
        case str():
            return "\0" not in value
        case int():
            return -(2**63) <= value < 2**63
    return True


def answer_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(dumps(value), status, headers, media_type="application/json")
