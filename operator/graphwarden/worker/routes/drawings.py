"""What the graph of an assistant looks like: its drawing, its schemas, its subgraphs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from langgraph.channels.base import BaseChannel
from langgraph.pregel import Pregel
from pydantic import BaseModel, PydanticUserError, TypeAdapter, create_model
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphwarden.worker.assistants import find_assistant
from graphwarden.worker.errors import invalid
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.routes.bodies import answer_json, get_service
from graphwarden.worker.typed_dicts import translate

logger = logging.getLogger(__name__)

Schema = dict[str, Any] | None


async def draw(request: Request) -> Response:
    """`GET /assistants/{assistant_id}/graph?xray=true|<int>`."""
    graph = await _require_graph(request)
    xray = _parse_xray(request.query_params.get("xray"))
    drawing = (await graph.pregel.aget_graph(xray=xray)).to_json()
    edges = [
        {key: edge[key] for key in ("source", "target", "conditional", "data") if key in edge}
        for edge in drawing["edges"]
    ]
    return answer_json({"nodes": [_render_node(n) for n in drawing["nodes"]], "edges": edges})


async def describe(request: Request) -> Response:
    """`GET /assistants/{assistant_id}/schemas`: JSON Schema, null where a graph has none."""
    graph = await _require_graph(request)
    name = graph.row.assistant_id
    return answer_json({"graph_id": name, **_describe_graph(graph.pregel)})


async def list_subgraphs(request: Request) -> Response:
    """`GET /assistants/{assistant_id}/subgraphs[/{namespace}]?recurse=`: schemas by node."""
    graph = await _require_graph(request)
    namespace = request.path_params.get("namespace")
    recurse = _parse_flag(request.query_params.get("recurse"), "recurse")
    found = graph.pregel.aget_subgraphs(namespace=namespace, recurse=recurse)
    return answer_json({name: _describe_graph(subgraph) async for name, subgraph in found})


def _render_node(node: dict[str, Any]) -> dict[str, Any]:
    data = node.get("data")
    if not isinstance(data, dict):
        return node
    return {**node, "data": {key: data[key] for key in ("name",) if key in data}}


async def _require_graph(request: Request) -> LoadedGraph:
    service = get_service(request)
    assistant = await find_assistant(service, request.path_params["assistant_id"])
    return service.graphs.require(assistant.slot)


def _parse_xray(value: str | None) -> bool | int:
    if value is not None and value.isdigit():
        return int(value)
    return _parse_flag(value, "xray", " or a number of levels")


def _parse_flag(value: str | None, name: str, others: str = "") -> bool:
    if value is None or value.lower() in ("true", "false"):
        return value is not None and value.lower() == "true"
    raise invalid(f"`{name}` must be true or false{others}")


def describe_calls(pregel: Any) -> tuple[Schema, Schema]:
    """The schemas of what a graph takes and of what it gives."""
    declared = getattr(pregel, "builder", None)
    return (
        _schema(pregel.get_input_jsonschema, getattr(declared, "input_schema", None)),
        _schema(pregel.get_output_jsonschema, getattr(declared, "output_schema", None)),
    )


def _describe_graph(pregel: Any) -> dict[str, Any]:
    takes, gives = describe_calls(pregel)
    context = _schema(pregel.get_context_jsonschema, pregel.context_schema)
    return {
        "input_schema": takes,
        "output_schema": gives,
        "state_schema": _schema(lambda: _describe_state(pregel)),
        "config_schema": context or {},
        "context_schema": context,
    }


def _describe_state(pregel: Pregel[Any, Any, Any, Any]) -> Schema:
    channels = {name: pregel.channels[name] for name in pregel.stream_channels_list}
    fields: dict[str, Any] = {
        name: (translate(channel.UpdateType), None)
        for name, channel in channels.items()
        if isinstance(channel, BaseChannel)
    }
    model: type[BaseModel] = create_model(f"{pregel.get_name()}_state", **fields)
    return model.model_json_schema()


def _schema(make: Callable[[], Schema], declared: Any = None) -> Schema:
    """Null for types that pydantic cannot describe: the graph is a graph all the same.

    Args:
        make: what LangGraph makes of the type.
        declared: the type, where its author may have taken a TypedDict that pydantic does not
            take before Python 3.12.
    """
    try:
        try:
            return make()
        except PydanticUserError as error:
            if error.code != "typed-dict-version" or declared is None:
                raise
            return TypeAdapter(translate(declared)).json_schema()
    except Exception as error:
        logger.info("schema not available: %s: %s", type(error).__name__, error)
        return None


ROUTES = [
    Route("/assistants/{assistant_id}/graph", draw, methods=["GET"]),
    Route("/assistants/{assistant_id}/schemas", describe, methods=["GET"]),
    Route("/assistants/{assistant_id}/subgraphs", list_subgraphs, methods=["GET"]),
    Route("/assistants/{assistant_id}/subgraphs/{namespace}", list_subgraphs, methods=["GET"]),
]
