"""Assistants of the whole fleet: defaults from the table, the others from the database."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from graphwarden.api import assistants, names
from graphwarden.api.assistants import AssistantQuery, InvalidQuery
from graphwarden.api.errors import Reason
from graphwarden.api.table import AssistantRoute
from graphwarden.router.directory import Directory, parse_uuid
from graphwarden.router.errors import RouterError
from graphwarden.router.pools import Pools
from graphwarden.router.records import Records, Reply
from graphwarden.router.request import Headers, Request
from graphwarden.router.table import Table
from graphwarden.telemetry.trace import TraceContext

_PREFIX = "/assistants/"
_STORED = f"?{assistants.STORED_ONLY}=true".encode()


class Assistants:
    """Answers `/assistants` and what is below it, but what is asked of a graph itself."""

    def __init__(self, pools: Pools, records: Records, directory: Directory) -> None:
        self._pools = pools
        self._records = records
        self._directory = directory
        self._made: tuple[Table, dict[str, dict[str, Any]]] = (Table(), {})

    async def answer(self, request: Request, body: bytes, trace: TraceContext) -> Reply:
        """The answer to one call.

        Raises:
            RouterError: an error answer of the router's own.
        """
        match request.path:
            case "/assistants":
                return await self._create(request, body, trace)
            case "/assistants/search":
                return await self._search(request, body, trace)
            case "/assistants/count":
                return await self._count(request, body, trace)
        named, _, action = request.path.removeprefix(_PREFIX).partition("/")
        graph, assistant_id = self._identify(unquote(named))
        if graph is not None:
            return self._answer_default(graph, request.method, action, body)
        return await self._forward(assistant_id, request, action, body, trace)

    async def _create(self, request: Request, body: bytes, trace: TraceContext) -> Reply:
        wanted = read_object(body)
        taken = wanted.get("assistant_id")
        if isinstance(taken, str):
            graph, assistant_id = self._identify(taken)
            if graph is not None and taken != graph:
                if wanted.get("if_exists") == "do_nothing":
                    return _reply(self._defaults[graph])
                raise RouterError(409, Reason.CONFLICT, assistants.explain_taken(assistant_id))
        reply = await self._records.ask(request, body, trace, more=self._vouch(wanted))
        self._learn(reply)
        return reply

    async def _search(self, request: Request, body: bytes, trace: TraceContext) -> Reply:
        query = parse(body)
        defaults = self._find_defaults(query)
        stored: list[dict[str, Any]] = []
        total = len(defaults)
        if self._may_be_stored(query):
            window = assistants.make_window(query, len(defaults))
            asked = json.dumps(query.to_json(window)).encode()
            target = b"/assistants/search" + _STORED
            reply = await self._records.ask(request, asked, trace, target=target)
            if reply.status != 200:
                return reply
            stored = json.loads(reply.body)
            total += int(reply.headers["x-pagination-total"])
        page = assistants.merge_page(query, defaults, stored)
        return _reply(page, assistants.make_page_headers(query, total))

    async def _count(self, request: Request, body: bytes, trace: TraceContext) -> Reply:
        query = parse(body)
        total = len(self._find_defaults(query))
        if self._may_be_stored(query):
            target = b"/assistants/count" + _STORED
            reply = await self._records.ask(request, body or b"{}", trace, target=target)
            if reply.status != 200:
                return reply
            total += int(reply.body)
        return _reply(total)

    async def _forward(
        self, assistant_id: str, request: Request, action: str, body: bytes, trace: TraceContext
    ) -> Reply:
        if not self._records.exist:
            raise _missing(assistant_id)
        more = self._vouch(read_object(body)) if request.method == "PATCH" else []
        method = "GET" if request.method == "HEAD" else request.method
        reply = await self._records.ask(request, body, trace, method=method, more=more)
        if request.method == "DELETE" and reply.status in (204, 404):
            self._directory.remember(assistant_id, None)
        elif action != "versions":
            self._learn(reply)
        return reply

    def _answer_default(self, graph: str, method: str, action: str, body: bytes) -> Reply:
        default = self._defaults[graph]
        if action == "versions":
            return _reply([{k: v for k, v in default.items() if k != "updated_at"}])
        same = action == "latest" and read_object(body).get("version") == default["version"]
        if same or method in ("GET", "HEAD"):
            return _reply(default)
        raise RouterError(409, Reason.CONFLICT, assistants.explain_read_only(graph))

    def _identify(self, named: str) -> tuple[str | None, str]:
        """The graph whose default assistant it is, and its UUID."""
        table = self._pools.current
        assistant_id = parse_uuid(named)
        graph = table.find(named) or (table.find(assistant_id) if assistant_id else None)
        if graph is not None:
            return graph, names.assistant_uuid(graph)
        if assistant_id is None:
            raise RouterError(422, Reason.INVALID_REQUEST, assistants.INVALID_ASSISTANT_ID)
        return None, assistant_id

    def _vouch(self, wanted: dict[str, Any]) -> Headers:
        """Tell the worker that this graph is in the fleet; what names none it refuses itself."""
        graph = wanted.get("graph_id")
        if not isinstance(graph, str):
            return []
        table = self._pools.current
        route = table.assistants.get(graph)
        if route is None:
            detail = assistants.explain_unknown_graph(graph, list(table.assistants))
            raise RouterError(404, Reason.NOT_FOUND, detail)
        if route.pool not in table.storage_pools:
            detail = (
                f"graph '{graph}' runs in pool {route.pool}, which has no storage and could not "
                "read an assistant of its own: name a database in the GraphPool's spec.storage"
            )
            raise RouterError(422, Reason.STORAGE_MISSING, detail)
        return [(assistants.GRAPH_HEADER.encode(), graph.encode())]

    def _learn(self, reply: Reply) -> None:
        if reply.status == 200:
            told = json.loads(reply.body)
            self._directory.remember(told["assistant_id"], told["graph_id"])

    def _may_be_stored(self, query: AssistantQuery) -> bool:
        return self._records.exist and not query.wants_defaults_only

    def _find_defaults(self, query: AssistantQuery) -> list[dict[str, Any]]:
        return [found for found in self._defaults.values() if assistants.matches(found, query)]

    @property
    def _defaults(self) -> dict[str, dict[str, Any]]:
        """The default assistants of the table in force, made once for each table."""
        table = self._pools.current
        if self._made[0] is not table:
            made = {graph: make_default(graph, route) for graph, route in table.assistants.items()}
            self._made = (table, made)
        return self._made[1]


def make_default(graph: str, route: AssistantRoute) -> dict[str, Any]:
    """The default assistant of a graph of the table."""
    return assistants.make_default_assistant(
        graph,
        context=route.context,
        generation=route.generation,
        resumable=route.resumable,
        capability=route.pool.rsplit("/", 1)[-1],
        created_at=route.created_at,
        updated_at=route.updated_at,
    )


def parse(body: bytes) -> AssistantQuery:
    """The search in a body.

    Raises:
        RouterError: 400 or 422.
    """
    try:
        return assistants.parse_query(read_object(body))
    except InvalidQuery as error:
        raise RouterError(422, Reason.INVALID_REQUEST, str(error)) from error


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty body counts as an empty object.

    Raises:
        RouterError: 400 when it is not JSON, 422 when it is not an object.
    """
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        detail = f"the body is not valid JSON: {error}"
        raise RouterError(400, Reason.INVALID_JSON, detail) from error
    if not isinstance(value, dict):
        raise RouterError(422, Reason.INVALID_REQUEST, "the body must be a JSON object")
    return value


def _reply(value: Any, headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(200, body, headers or {})


def _missing(assistant_id: str) -> RouterError:
    return RouterError(404, Reason.UNKNOWN_ASSISTANT, assistants.explain_missing(assistant_id))
