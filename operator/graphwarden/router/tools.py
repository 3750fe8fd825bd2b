"""`/mcp`: the tools of all pools as one list. A call of one goes to the pool of its graph."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from graphwarden.api import mcp
from graphwarden.api.errors import Reason
from graphwarden.api.mcp import McpError, Message
from graphwarden.router.address import check_callable
from graphwarden.router.errors import RouterError
from graphwarden.router.pools import Pools
from graphwarden.router.records import Records, Reply
from graphwarden.router.request import Request
from graphwarden.router.routing import Route, Target
from graphwarden.telemetry.trace import TraceContext

_LOOK_SECONDS = 5.0
_QUESTION = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()


class Tools:
    """Answers every message of the protocol but calls of tools."""

    def __init__(self, pools: Pools, records: Records) -> None:
        self._pools = pools
        self._records = records

    async def answer(self, request: Request, body: bytes, trace: TraceContext) -> Reply:
        """The answer to one message."""
        if request.method == "DELETE":
            raise RouterError(404, Reason.NOT_FOUND, "this server keeps no sessions")
        try:
            message = _read(request, body)
            if not message.is_request:
                return Reply(202, b"", {})
            if message.method == "tools/list":
                mcp.check_list(message)
                result = {"tools": await self._list(request, trace)}
            elif message.method == "tools/call":
                # Routed by its tool, unless it has none: what is wrong is said here.
                mcp.parse_call(message)
                raise mcp.McpError(mcp.INVALID_PARAMS, "`name` must be the name of a tool")
            else:
                result = mcp.answer_itself(message)
        except McpError as error:
            return _reply(error.to_json(_find_id(body)), error.status)
        return _reply(mcp.make_result(message.id, result))

    async def _list(self, request: Request, trace: TraceContext) -> list[dict[str, Any]]:
        """What the workers tell of their graphs, and the bare names of those they do not tell of.

        A pool that sleeps is not woken for a list.
        """
        table = self._pools.current
        awake = [name for name, pool in sorted(table.pools.items()) if pool.endpoints]
        answers = await asyncio.gather(*(self._ask(pool, request, trace) for pool in awake))
        told: dict[str, dict[str, Any]] = {}
        for pool, tools in zip(awake, answers, strict=True):
            for tool in tools:
                graph = tool["_meta"][mcp.GRAPH_KEY]
                if self._may_be_called(graph) and table.assistants[graph].pool == pool:
                    told[tool["name"]] = tool
        for graph in table.assistants:
            if graph not in told and self._may_be_called(graph):
                told[graph] = mcp.make_tool(graph, graph)
        return [told[name] for name in sorted(told)]

    async def _ask(self, pool: str, request: Request, trace: TraceContext) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                reply = await self._records.ask(request, _QUESTION, trace, pool=pool)
            tools: list[dict[str, Any]] = json.loads(reply.body)["result"]["tools"]
        except (RouterError, TimeoutError, ValueError, KeyError):
            # One pool in trouble does not keep the tools of the others from the caller.
            return []
        return tools

    def _may_be_called(self, graph: str) -> bool:
        route = self._pools.current.assistants.get(graph)
        try:
            if route is not None:
                check_callable(graph, route)
        except RouterError:
            return False
        return route is not None


def find_tool_route(request: Request, body: bytes) -> tuple[mcp.MessageId, Route]:
    """Where a message goes: a call by its tool, with its id, and all else to the router itself."""
    try:
        message = _read(request, body)
        if message.method == "tools/call" and message.is_request:
            return message.id, Route(Target.TOOL, mcp.parse_call(message)[0])
    except McpError:
        # What is wrong with it is told in the router's own answer.
        return None, Route(Target.OWN)
    return None, Route(Target.OWN)


def _read(request: Request, body: bytes) -> Message:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise mcp.invalid_json(f"the body is not valid JSON: {error}") from error
    return mcp.parse_message(value, request.header(mcp.VERSION_HEADER.encode()))


def _find_id(body: bytes) -> mcp.MessageId:
    try:
        return mcp.read_id(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, body, headers or {})
