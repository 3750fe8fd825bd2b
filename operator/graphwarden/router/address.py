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
from graphwarden.router.directory import Directory
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.pools import Pools
from graphwarden.router.request import Request
from graphwarden.router.routing import (
    Route,
    Target,
    decode_assistant,
    decode_command_assistant,
    decode_thread_graph,
    find_at_start,
    only_watches,
)
from graphwarden.router.table import Table
from graphwarden.router.timeouts import make_run_timeout
from graphwarden.telemetry.trace import TraceContext

_SHORT_BYTES = 64 * 2**10
_LONG_BYTES = 2**20
# Failures that waiting does not mend: the graph has to be changed first.
_BROKEN = frozenset({"ImportError", "AttributeMissing", "BuilderFailed", "NotAGraph"})
# What every worker answers alike, with storage or without.
_SAME_EVERYWHERE = frozenset({"/openapi.json", "/docs"})
_POSITION = re.compile(r"\(byte (\d+)\)")


@dataclass(slots=True)
class Call:
    """A request with its pool. `body` is bytes where the call may be sent again."""

    pool: str
    body: bytes | AsyncIterator[bytes]
    timeout_seconds: float | None = None
    thread: str = ""
    assistant: str = ""
    # Whether it may be sent to a second worker when the first did not start it.
    may_move: bool = True
    # The caller's `Idempotency-Key`, and whether it holds on every worker.
    key: str = ""
    key_is_shared: bool = False
    # The one worker that will do, where a worker named it.
    worker: str = ""
    # Joins, streams and cancels are no runs: they take no place from them.
    only_watches: bool = False

    @property
    def may_join(self) -> bool:
        """Whether a lost call may be sent again: its key joins the run that was begun."""
        return bool(self.key) and self.key_is_shared and isinstance(self.body, bytes)


async def address(
    request: Request, route: Route, pools: Pools, directory: Directory, trace: TraceContext
) -> Call:
    """Find the pool of a request; its body is read where that decides.

    Raises:
        RouterError: there is none, or it cannot be called now.
    """
    match route.target:
        case Target.BODY_ASSISTANT:
            return await _address_run(request, route, pools, directory, trace)
        case Target.TOOL:
            body = await request.body.read()
            return await _address_named(request, route.name, body, pools, directory, trace)
        case Target.PATH_ASSISTANT:
            named = await directory.find(unquote(route.name), request, trace)
            name, found = find_assistant(pools.current, named)
            return Call(found.pool, await request.body.read(), assistant=name)
        case Target.COMMAND:
            body = await request.body.read()
            pool = pools.find_pool_of_thread(route.name)
            started = decode_command_assistant(body)
            if started:
                named = await directory.find(started, request, trace)
                name, found = find_assistant(pools.current, named)
                check_callable(name, found)
                return Call(found.pool, body, thread=route.name, assistant=name)
            return Call(_need_storage(pool), body, thread=route.name)
        case Target.THREAD:
            pool = pools.find_pool_of_thread(route.name)
            return Call(
                _need_storage(pool),
                await request.body.read(),
                thread=route.name,
                only_watches=only_watches(request.path),
            )
        case _:
            body = await request.body.read()
            graph = decode_thread_graph(body) if request.path == "/threads" else None
            pool = _find_storage(pools.current, graph)
            if pool is None and request.path in _SAME_EVERYWHERE:
                pool = next(iter(pools.current.pools), None)
            pool = _need_storage(pool)
            return Call(pool, body, only_watches=only_watches(request.path))


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


async def _address_run(
    request: Request, route: Route, pools: Pools, directory: Directory, trace: TraceContext
) -> Call:
    named = request.header(b"x-assistant-id")
    length = request.content_length
    # A short body is kept, so that it can be sent to a second worker; a long one goes on as it
    # comes, once it is known where.
    body: bytes | AsyncIterator[bytes]
    if named is None and (length is None or length > _LONG_BYTES):
        named = find_at_start(await request.body.peek())
        if named is not None:
            request.headers.append((b"x-assistant-id", named.encode()))
    if named is None:
        body = await request.body.read()
        named = _read_assistant(body)
    else:
        short = length is not None and length <= _SHORT_BYTES
        body = await request.body.read() if short else request.body.stream()
    call = await _address_named(request, named, body, pools, directory, trace)
    if route.name:
        # On a thread it may first have to wait for other runs, each as long as its graph allows.
        call.timeout_seconds = None
    call.thread = route.name
    return call


async def _address_named(
    request: Request,
    named: str,
    body: bytes | AsyncIterator[bytes],
    pools: Pools,
    directory: Directory,
    trace: TraceContext,
) -> Call:
    """A run of the assistant, without a thread."""
    name, found = find_assistant(pools.current, await directory.find(named, request, trace))
    check_callable(name, found)
    return Call(
        found.pool,
        body,
        make_run_timeout(found),
        assistant=name,
        may_move=found.retry != "Never",
        key=request.header(b"idempotency-key") or "",
        key_is_shared=found.resumable,
    )


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
