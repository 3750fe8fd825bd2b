"""The store: items under namespaces, shared by all graphs of a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from langgraph.store.base import BaseStore, InvalidNamespaceError, Item, SearchItem
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.api.errors import Reason
from graphwarden.worker.errors import ApiError, invalid, unsupported
from graphwarden.worker.routes.bodies import answer_json, get_service, parse_count, read_object

_LABEL_LIMIT = 256
_DEPTH_LIMIT = 32
_KEY_LIMIT = 1024
_PAGE_LIMIT = 1000
_LONGEST_TTL_MINUTES = 60 * 24 * 366 * 10


async def put(request: Request) -> Response:
    """`PUT /store/items`."""
    store = _get_store(request)
    body = await read_object(request)
    namespace = _parse_namespace(body.get("namespace"), "namespace")
    value = body.get("value")
    if not isinstance(value, dict):
        raise invalid("`value` must be an object")
    if body.get("index"):
        raise unsupported("index", "this store has no vector search")
    key, ttl = _parse_key(body.get("key")), _parse_ttl(body.get("ttl"))
    try:
        await store.aput(namespace, key, value, index=False, **ttl)
    except InvalidNamespaceError as error:
        raise invalid(str(error)) from error
    return Response(status_code=204)


async def get(request: Request) -> Response:
    """`GET /store/items?namespace=a.b&key=k`: `null` where there is no such item."""
    query = request.query_params
    if not query.get("key"):
        raise ApiError(400, Reason.INVALID_REQUEST, "Key is required")
    labels = query["namespace"].split(".") if query.get("namespace") else None
    namespace = _parse_namespace(labels, "namespace", empty=True)
    refresh = {"refresh_ttl": query["refresh_ttl"] == "true"} if "refresh_ttl" in query else {}
    key = _parse_key(query["key"])
    try:
        item = await _get_store(request).aget(namespace, key, **refresh)
    except InvalidNamespaceError as error:
        raise invalid(str(error)) from error
    return answer_json(_render(item) if item is not None else None)


async def delete(request: Request) -> Response:
    """`DELETE /store/items`, which item is in the body; also where there is none."""
    body = await read_object(request)
    namespace = _parse_namespace(body.get("namespace"), "namespace")
    await _get_store(request).adelete(namespace, _parse_key(body.get("key")))
    return Response(status_code=204)


async def search(request: Request) -> Response:
    """`POST /store/items/search`. Without vector search, `query` sorts nothing."""
    body = await read_object(request)
    wanted = body.get("filter")
    if wanted is not None and not isinstance(wanted, dict):
        raise invalid("`filter` must be an object")
    try:
        found = await _get_store(request).asearch(
            _parse_namespace(body.get("namespace_prefix"), "namespace_prefix", empty=True),
            filter=wanted or None,
            limit=parse_count(body.get("limit"), "limit", 10, _PAGE_LIMIT),
            offset=parse_count(body.get("offset"), "offset", 0, 2**31),
            refresh_ttl=_parse_refresh(body.get("refresh_ttl")),
        )
    except (ValueError, TypeError) as error:
        raise invalid(f"`filter` cannot be used: {error}") from error
    return answer_json({"items": [_render_found(item) for item in found]})


async def list_namespaces(request: Request) -> Response:
    """`POST /store/namespaces`."""
    body = await read_object(request)
    depth = body.get("max_depth")
    found = await _get_store(request).alist_namespaces(
        prefix=_parse_namespace(body.get("prefix"), "prefix", empty=True) or None,
        suffix=_parse_namespace(body.get("suffix"), "suffix", empty=True) or None,
        max_depth=parse_count(depth, "max_depth", 1, _DEPTH_LIMIT) if depth is not None else None,
        limit=parse_count(body.get("limit"), "limit", 100, _PAGE_LIMIT),
        offset=parse_count(body.get("offset"), "offset", 0, 2**31),
    )
    return answer_json({"namespaces": [list(namespace) for namespace in found]})


def _get_store(request: Request) -> BaseStore:
    return get_service(request).require_storage().items


def _parse_namespace(value: Any, name: str, *, empty: bool = False) -> tuple[str, ...]:
    if value is None and empty:
        return ()
    if not isinstance(value, list) or (not value and not empty) or len(value) > _DEPTH_LIMIT:
        raise invalid(f"`{name}` must be a list of 1 to {_DEPTH_LIMIT} labels")
    for label in value:
        if not isinstance(label, str) or not label or "." in label:
            raise invalid(f"Namespace label {label!r} must be a non-empty string without periods")
        if len(label) > _LABEL_LIMIT or "\0" in label:
            raise invalid(f"a label of `{name}` has at most {_LABEL_LIMIT} characters and no NUL")
    return tuple(value)


def _parse_key(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > _KEY_LIMIT or "\0" in value:
        raise invalid(f"`key` must be a text of 1 to {_KEY_LIMIT} characters, none of them NUL")
    return value


def _parse_ttl(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= _LONGEST_TTL_MINUTES:
        raise invalid("`ttl` must be a positive number of minutes")
    return {"ttl": float(value)}


def _parse_refresh(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise invalid("`refresh_ttl` must be true or false")
    return value


def _render(item: Item) -> dict[str, Any]:
    return {
        "namespace": list(item.namespace),
        "key": item.key,
        "value": item.value,
        "created_at": _render_time(item.created_at),
        "updated_at": _render_time(item.updated_at),
    }


def _render_time(moment: datetime) -> str:
    """With its offset; LangGraph's store on SQLite gives UTC without saying so."""
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known.isoformat()


def _render_found(item: SearchItem) -> dict[str, Any]:
    return {**_render(item), "score": item.score}


ROUTES = [
    Route("/store/items", put, methods=["PUT"]),
    Route("/store/items", get, methods=["GET"]),
    Route("/store/items", delete, methods=["DELETE"]),
    Route("/store/items/search", search, methods=["POST"]),
    Route("/store/namespaces", list_namespaces, methods=["POST"]),
]
