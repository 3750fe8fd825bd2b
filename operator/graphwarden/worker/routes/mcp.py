"""The Model Context Protocol: each assistant is a tool, each call of it a run without a thread."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.api import mcp
from graphwarden.api.assistants import AssistantQuery, Window
from graphwarden.api.mcp import McpError, Message
from graphwarden.worker.answers import WaitAnswer
from graphwarden.worker.errors import ApiError
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.mcp import describe_row, render_outcome
from graphwarden.worker.routes.bodies import answer_json, get_service, read_json
from graphwarden.worker.routes.drawings import describe_calls
from graphwarden.worker.routes.runs import begin_stateless
from graphwarden.worker.service import Service

# More tools than a model can choose from.
_STORED_LIMIT = 1000
# Schemas take milliseconds each, and stay what they are as long as the graph does.
_schemas: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


async def handle(request: Request) -> ASGIApp:
    """`POST /mcp`: a message of the Model Context Protocol; assistants are its tools."""
    message_id: mcp.MessageId = None
    try:
        value = await _read(request)
        message_id = mcp.read_id(value)
        message = mcp.parse_message(value, request.headers.get(mcp.VERSION_HEADER))
        if not message.is_request:
            return Response(status_code=202)
        if message.method == "tools/call":
            return await _call(get_service(request), message)
        if message.method == "tools/list":
            mcp.check_list(message)
            result = {"tools": await _list_tools(get_service(request))}
        else:
            result = mcp.answer_itself(message)
        return answer_json(mcp.make_result(message.id, result))
    except McpError as error:
        return answer_json(error.to_json(message_id), error.status, error.headers)


async def end_session(request: Request) -> Response:
    """`DELETE /mcp`: there are no sessions, so none is found."""
    raise ApiError(404, "NotFound", "this server keeps no sessions")


async def _read(request: Request) -> Any:
    try:
        return await read_json(request)
    except ApiError as error:
        if error.status == 400:
            raise mcp.invalid_json(error.detail) from None
        raise


async def _call(service: Service, message: Message) -> ASGIApp:
    name, arguments = mcp.parse_call(message)
    try:
        run = await begin_stateless(service, {"assistant_id": name, "input": arguments}, None)
    except ApiError as error:
        raise mcp.make_refusal(error.status, error.reason, error.detail, error.headers) from error
    return WaitAnswer(
        run,
        {},
        service.settings.heartbeat_seconds,
        render=lambda outcome: mcp.make_result(message.id, render_outcome(outcome)),
    )


async def _list_tools(service: Service) -> list[dict[str, Any]]:
    loaded = {name: s.graph for name, s in sorted(service.graphs.slots.items()) if s.graph}
    tools = [_make_tool(name, graph) for name, graph in loaded.items()]
    if service.settings.database_url is not None:
        records = service.require_storage().assistants
        found, _ = await records.search(AssistantQuery(), Window(offset=0, limit=_STORED_LIMIT))
        tools += [
            _make_tool(
                stored.assistant_id,
                loaded[stored.graph_id],
                title=stored.name,
                description=stored.description,
            )
            for stored in found
            if stored.graph_id in loaded
        ]
    return tools


def _make_tool(
    name: str, graph: LoadedGraph, *, title: str | None = None, description: str | None = None
) -> dict[str, Any]:
    pregel = graph.pregel
    if pregel not in _schemas:
        _schemas[pregel] = describe_calls(pregel)
    takes, gives = _schemas[pregel]
    return mcp.make_tool(
        name,
        graph.row.assistant_id,
        title=title,
        description=description or describe_row(graph.row),
        input_schema=takes,
        output_schema=gives,
    )


ROUTES = [
    Route(mcp.PATH, handle, methods=["POST"]),
    Route(mcp.PATH, end_session, methods=["DELETE"]),
]
