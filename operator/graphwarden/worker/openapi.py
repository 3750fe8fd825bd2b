"""What is really there, as an OpenAPI document. Pure: routes in, a document out.

The document follows from the routes and the first line of each handler's docstring, so it cannot
promise what is not served.
"""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterable
from typing import Any

from starlette.routing import Route

from graphwarden.worker.openapi_parts import BODIES, ENVELOPES, IDS, QUERIES, Schema

_PARAMETER = re.compile(r"{(\w+)}")
_ERROR = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {"type": "string", "description": "What went wrong, and what to do."},
        "reason": {"type": "string", "description": "The same for programs, in PascalCase."},
        "trace_id": {"type": "string", "description": "Finds the request in logs and traces."},
    },
}


def make_document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(route.path, {})[method.lower()] = _describe(route, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Graphwarden",
            "version": version,
            "description": "The LangGraph Server API, over pools of graphs.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": {"Error": _ERROR}},
    }


def render_page(document: dict[str, Any]) -> str:
    """The document as a page for people, which needs nothing from elsewhere."""
    lines = [
        f"<tr><td><b>{method.upper()}</b></td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(operation['summary'])}</td></tr>"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    title = html.escape(document["info"]["title"])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        "<style>body{font-family:sans-serif;margin:2em auto;max-width:70em}"
        "td{padding:.2em .8em;border-bottom:1px solid #ddd;vertical-align:top}</style>"
        f"<h1>{title}</h1><p>{html.escape(document['info']['description'])} "
        '<a href="openapi.json">openapi.json</a></p>'
        f"<table>{''.join(lines)}</table></html>"
    )


def _describe(route: Route, method: str) -> dict[str, Any]:
    name = getattr(route.endpoint, "__name__", "handler")
    module = getattr(route.endpoint, "__module__", "").rsplit(".", 1)[-1]
    call = f"{method} {route.path}"
    operation: dict[str, Any] = {
        "operationId": f"{module}_{name}_{method.lower()}_{_slug(route.path)}",
        "summary": _summarise(inspect.getdoc(route.endpoint) or ""),
        "tags": [module],
        "parameters": [
            {"name": n, "in": "path", "required": True, "schema": IDS.get(n, {"type": "string"})}
            for n in _PARAMETER.findall(route.path)
        ]
        + [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in QUERIES.get(call, {}).items()
        ],
        "responses": {
            "2XX": {"description": "Done."},
            "4XX": _refusal("The request cannot be served.", call),
            "5XX": _refusal("It was not done; `Retry-After` says when to try again.", call),
        },
    }
    if call in BODIES:
        content: dict[str, Any] = {"application/json": {"schema": BODIES[call]}}
        required = BODIES[call].get("type") == "array" or "required" in BODIES[call]
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _refusal(description: str, call: str) -> dict[str, Any]:
    schema: Schema = {"$ref": "#/components/schemas/Error"}
    if call in ENVELOPES:
        schema = {"anyOf": [ENVELOPES[call], schema]}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _summarise(docstring: str) -> str:
    """The first line, without the method and the path that it begins with."""
    first = docstring.split("\n\n", 1)[0].replace("\n", " ")
    return first.split("`: ", 1)[-1] if "`: " in first else first


def _slug(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_")
