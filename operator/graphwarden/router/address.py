"""Where a call goes: the pool, and for a run the graph, or the error that says why nowhere."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from graphwarden.api.errors import Reason, unknown_assistant_detail
from graphwarden.api.table import AssistantRoute
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.pools import Pools
from graphwarden.router.request import Request
from graphwarden.router.routing import Route, Target, decode_assistant, decode_thread_graph
from graphwarden.router.table import Table

# Joins and streams of runs on a thread last as long as the run, which may be a day.
_LONGEST_SECONDS = 24 * 3600.0
# The worker enforces the run's own timeout; only one that fails to is cut off here.
_MARGIN_SECONDS = 30.0
_SHORT_BYTES = 64 * 2**10
# Failures that waiting does not mend: the graph has to be changed first.
_BROKEN = frozenset({"ImportError", "AttributeMissing", "BuilderFailed", "NotAGraph"})
_POSITION = re.compile(r"\(byte (\d+)\)")


@dataclass(slots=True)
class Call:
    """A request with its pool. `body` is bytes where the call may be sent again."""

    pool: str
    body: bytes | AsyncIterator[bytes]
    timeout_seconds: float = _LONGEST_SECONDS
    thread: str = ""
    assistant: str = ""
    # Whether it may be sent to a second worker when the first did not start it.
    may_move: bool = True


async def address(request: Request, route: Route, pools: Pools) -> Call:
    """Find the pool of a request; its body is read where that decides.

    Raises:
        RouterError: there is none, or it cannot be called now.
    """
    match route.target:
        case Target.BODY_ASSISTANT:
            return await _address_run(request, route, pools)
        case Target.PATH_ASSISTANT:
            name, found = find_assistant(pools.current, unquote(route.name))
            return Call(found.pool, await request.body.read(), assistant=name)
        case Target.THREAD:
            pool = pools.find_pool_of_thread(route.name)
            return Call(_need_storage(pool), await request.body.read(), thread=route.name)
        case _:
            body = await request.body.read()
            graph = decode_thread_graph(body) if request.path == "/threads" else None
            return Call(_need_storage(_find_storage(pools.current, graph)), body)


def find_assistant(table: Table, assistant: str) -> tuple[str, AssistantRoute]:
    """The graph that an assistant id or a default assistant's UUID names.

    Raises:
        RouterError: 422 for a name and 404 for a UUID that nobody has.
    """
    name = table.find(assistant)
    if name is not None:
        return name, table.assistants[name]
    try:
        uuid.UUID(assistant)
    except ValueError:
        detail = unknown_assistant_detail(assistant, list(table.assistants))
        raise RouterError(422, Reason.UNKNOWN_ASSISTANT, detail) from None
    raise RouterError(404, Reason.UNKNOWN_ASSISTANT, "Thread or assistant not found.")


async def _address_run(request: Request, route: Route, pools: Pools) -> Call:
    named = request.header(b"x-assistant-id")
    body: bytes | AsyncIterator[bytes]
    if named is None:
        body = await request.body.read()
        named = _read_assistant(body)
    else:
        # A short body is kept, so that it can be sent to a second worker; a long one goes on as
        # it comes.
        length = request.content_length
        short = length is not None and length <= _SHORT_BYTES
        body = await request.body.read() if short else request.body.stream()
    name, found = find_assistant(pools.current, named)
    check_callable(name, found)
    timeout = found.timeout_seconds + _MARGIN_SECONDS
    may_move = found.retry != "Never"
    return Call(found.pool, body, timeout, thread=route.name, assistant=name, may_move=may_move)


def _read_assistant(body: bytes) -> str:
    try:
        named = decode_assistant(body)
    except msgspec.ValidationError as error:
        detail = f"the body must be a JSON object with a string assistant_id: {error}"
        raise RouterError(422, Reason.MISSING_ASSISTANT_ID, detail) from error
    except msgspec.DecodeError as error:
        found = _POSITION.search(str(error))
        where = f" at byte {found[1]}" if found else ""
        detail = f"the body is not valid JSON{where}: {str(error).removeprefix('JSON is ')}"
        raise RouterError(400, Reason.INVALID_JSON, detail) from error
    if not named:
        detail = '"assistant_id" is a required property: name the graph to run'
        raise RouterError(422, Reason.MISSING_ASSISTANT_ID, detail)
    return named


def check_callable(name: str, route: AssistantRoute) -> None:
    """Refuse a graph that is suspended or that its workers cannot load.

    A graph that is still loading passes: the worker says so, and the call waits for it.

    Raises:
        RouterError: 503, with what the GraphSpec's condition says.
    """
    said = ": ".join(part for part in (route.reason, route.message) if part)
    if route.suspended:
        detail = f"graph '{name}' is suspended: {said or 'set suspend: false in its GraphSpec'}"
        raise retry_later(503, Reason.GRAPH_SUSPENDED, detail, 30)
    if not route.ready and route.reason in _BROKEN | {"StorageMissing"}:
        raise retry_later(503, Reason.GRAPH_NOT_READY, f"graph '{name}' is not ready: {said}", 10)


def _find_storage(table: Table, graph: str | None) -> str | None:
    """The pool of the graph when it has storage, or else any that has."""
    name = table.find(graph) if graph else None
    pool = table.assistants[name].pool if name else None
    return pool if pool in table.storage_pools else next(iter(table.storage_pools), None)


def _need_storage(pool: str | None) -> str:
    if pool is None:
        detail = "no pool has storage: threads need a GraphSpec with resumable: true"
        raise RouterError(503, Reason.STORAGE_MISSING, detail, {"retry-after": "10"})
    return pool
