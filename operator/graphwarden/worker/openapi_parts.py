"""What calls take, for the OpenAPI document: bodies, queries and ids, by method and path."""

from __future__ import annotations

from typing import Any

from graphwarden.worker import crons, threads
from graphwarden.worker.requests import CHOICES, STREAM_MODES

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_OBJECT: Schema = {"type": "object"}
_ANY: Schema = {}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_NODES: Schema = {"anyOf": [{"const": "*"}, _TEXTS]}
_LABELS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 32}
_OFFSET: Schema = {"type": "integer", "minimum": 0, "default": 0}
_ORDER: Schema = {"enum": ["asc", "desc"]}
_TIME: Schema = {"type": "string", "format": "date-time"}
_UUID: Schema = {"type": "string", "format": "uuid"}
_MODES: Schema = {"enum": list(STREAM_MODES)}
_TTL: Schema = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "description": "Minutes."},
        {
            "type": "object",
            "required": ["ttl"],
            "properties": {
                "ttl": {"type": "number", "exclusiveMinimum": 0},
                "strategy": {"enum": ["delete", "keep_latest"]},
            },
        },
    ]
}
_PLACE: Schema = {
    "type": "object",
    "properties": {"checkpoint_id": _TEXT, "checkpoint_ns": _TEXT, "checkpoint_map": _OBJECT},
}
_GOTO: Schema = {
    "anyOf": [
        _TEXT,
        {"type": "object", "required": ["node"], "properties": {"node": _TEXT, "input": _ANY}},
    ]
}
_COMMAND: Schema = {
    "type": "object",
    "properties": {
        "update": _ANY,
        "resume": _ANY,
        "goto": {"anyOf": [_GOTO, {"type": "array", "items": _GOTO}]},
    },
}
_CONFIG: Schema = {
    "type": "object",
    "properties": {
        "configurable": _OBJECT,
        "recursion_limit": {"type": "integer", "minimum": 1},
        "tags": _TEXTS,
        "metadata": _OBJECT,
    },
}
_RUN: dict[str, Schema] = {
    "assistant_id": {"type": "string", "description": "A graph's name, or an assistant's UUID."},
    "input": _ANY,
    "command": _COMMAND,
    "stream_mode": {"anyOf": [_MODES, {"type": "array", "items": _MODES, "minItems": 1}]},
    "stream_subgraphs": _FLAG,
    "stream_resumable": _FLAG,
    "config": _CONFIG,
    "context": _OBJECT,
    "metadata": _OBJECT,
    "checkpoint": _PLACE,
    "checkpoint_id": _TEXT,
    "interrupt_before": _NODES,
    "interrupt_after": _NODES,
    "webhook": {"type": "string", "format": "uri"},
    "after_seconds": {"type": "number", "minimum": 0},
    **{name: {"enum": list(values)} for name, values in CHOICES.items()},
}
_SETTINGS: dict[str, Schema] = {
    "graph_id": _TEXT,
    "name": _TEXT,
    "description": _TEXT,
    "config": _CONFIG,
    "context": _OBJECT,
    "metadata": _OBJECT,
}
_IF_EXISTS: Schema = {"enum": ["raise", "do_nothing"]}


def _take(*required: str, **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def _page(limit: int, default: int = 10) -> dict[str, Schema]:
    size = {"type": "integer", "minimum": 0, "maximum": limit, "default": default}
    return {"limit": size, "offset": _OFFSET}


_START = _take("assistant_id", **_RUN)
_CRON: dict[str, Schema] = {
    **_RUN,
    "schedule": {
        "type": "string",
        "description": "Five fields, as of cron.",
        "example": "0 9 * * 1",
    },
    "timezone": {"type": "string", "description": "Of the IANA database."},
    "end_time": _TIME,
    "enabled": _FLAG,
    "on_run_completed": {"enum": ["delete", "keep"]},
}
_THREADS: dict[str, Schema] = {
    "ids": _TEXTS,
    "metadata": _OBJECT,
    "values": _OBJECT,
    "status": {"enum": list(threads.STATUSES)},
}
_SORTED_THREADS: dict[str, Schema] = {
    "sort_by": {"enum": list(threads.SORT_KEYS)},
    "sort_order": _ORDER,
}
_CRONS: dict[str, Schema] = {
    "assistant_id": _TEXT, "thread_id": _TEXT, "enabled": _FLAG, "metadata": _OBJECT,
}  # fmt: skip
_ASSISTANTS: dict[str, Schema] = {"graph_id": _TEXT, "name": _TEXT, "metadata": _OBJECT}
_RPC = _take(
    "jsonrpc", "method",
    jsonrpc={"const": "2.0"}, id={"type": ["string", "integer"]}, method=_TEXT, params=_OBJECT,
)  # fmt: skip

# A call that is not here takes no body, or one that says nothing.
BODIES: dict[str, Schema] = {
    "POST /runs": _START,
    "POST /runs/wait": _START,
    "POST /runs/stream": _START,
    "POST /runs/batch": {"type": "array", "items": _START, "minItems": 1, "maxItems": 1000},
    "POST /runs/cancel": _take(
        status={"enum": ["pending", "running", "all"]}, thread_id=_TEXT, run_ids=_TEXTS
    ),
    "POST /threads/{thread_id}/runs": _START,
    "POST /threads/{thread_id}/runs/wait": _START,
    "POST /threads/{thread_id}/runs/stream": _START,
    "POST /runs/crons": _take("assistant_id", "schedule", **_CRON),
    "POST /threads/{thread_id}/runs/crons": _take("assistant_id", "schedule", **_CRON),
    "PATCH /runs/crons/{cron_id}": _take(**_CRON),
    "POST /runs/crons/search": _take(
        **_CRONS, **_page(1000), sort_by={"enum": list(crons.SORT_KEYS)}, sort_order=_ORDER,
        select=_TEXTS,
    ),
    "POST /runs/crons/count": _take(**_CRONS),
    "POST /threads": _take(
        thread_id=_TEXT, metadata=_OBJECT, if_exists=_IF_EXISTS, ttl=_TTL,
        supersteps={"type": "array", "items": _take("updates", updates={
            "type": "array", "items": _take(values=_ANY, command=_COMMAND, as_node=_TEXT),
        })},
    ),
    "PATCH /threads/{thread_id}": _take(metadata=_OBJECT, ttl=_TTL),
    "POST /threads/search": _take(
        **_THREADS, **_SORTED_THREADS, **_page(1000), select=_TEXTS, extract=_OBJECT
    ),
    "POST /threads/count": _take(**_THREADS),
    "POST /threads/prune": _take(
        "thread_ids", thread_ids=_TEXTS, strategy={"enum": ["delete", "keep_latest"]}
    ),
    "POST /threads/{thread_id}/state": _take(
        values=_ANY, as_node=_TEXT, checkpoint=_PLACE, checkpoint_id=_TEXT
    ),
    "POST /threads/{thread_id}/state/checkpoint": _take(checkpoint=_PLACE, subgraphs=_FLAG),
    "POST /threads/{thread_id}/history": _take(
        limit={"type": "integer", "minimum": 0, "maximum": 1000, "default": 10},
        before={"anyOf": [_TEXT, _PLACE]}, metadata=_OBJECT, checkpoint=_PLACE,
    ),
    "POST /threads/{thread_id}/commands": _take(
        "id", "method", id={"type": "integer"}, method={"enum": ["run.start", "input.respond"]},
        params=_OBJECT,
    ),
    "POST /threads/{thread_id}/stream/events": _take(
        "channels", channels=_TEXTS, namespaces={"type": "array", "items": _TEXTS},
        depth=_OFFSET, since=_OFFSET,
    ),
    "POST /assistants": _take(
        "graph_id", **_SETTINGS, assistant_id=_UUID, if_exists=_IF_EXISTS
    ),
    "PATCH /assistants/{assistant_id}": _take(**_SETTINGS),
    "POST /assistants/search": _take(
        **_ASSISTANTS, **_page(1000), sort_order=_ORDER, select=_TEXTS,
        sort_by={"enum": ["assistant_id", "graph_id", "name", "created_at", "updated_at"]},
    ),
    "POST /assistants/count": _take(**_ASSISTANTS),
    "POST /assistants/{assistant_id}/versions": _take(metadata=_OBJECT, **_page(1000)),
    "POST /assistants/{assistant_id}/latest": _take("version", version={"type": "integer"}),
    "PUT /store/items": _take(
        "namespace", "key", "value", namespace=_LABELS, key=_TEXT, value=_OBJECT,
        ttl={"type": "number", "exclusiveMinimum": 0},
    ),
    "DELETE /store/items": _take("namespace", "key", namespace=_LABELS, key=_TEXT),
    "POST /store/items/search": _take(
        namespace_prefix=_LABELS, filter=_OBJECT, query=_TEXT, refresh_ttl=_FLAG, **_page(1000)
    ),
    "POST /store/namespaces": _take(
        prefix=_LABELS, suffix=_LABELS, max_depth={"type": "integer", "minimum": 0},
        **_page(1000, 100),
    ),
    "POST /mcp": _RPC,
}  # fmt: skip

QUERIES: dict[str, dict[str, Schema]] = {
    "GET /assistants/{assistant_id}/graph": {
        "xray": {"anyOf": [_FLAG, {"type": "integer", "minimum": 0}]}
    },
    "GET /assistants/{assistant_id}/subgraphs": {"recurse": _FLAG},
    "GET /assistants/{assistant_id}/subgraphs/{namespace}": {"recurse": _FLAG},
    "DELETE /assistants/{assistant_id}": {"delete_threads": _FLAG},
    "GET /threads/{thread_id}/state": {"subgraphs": _FLAG, "checkpoint_id": _TEXT},
    "GET /threads/{thread_id}/state/{checkpoint_id}": {"subgraphs": _FLAG},
    "GET /threads/{thread_id}/history": {"limit": _page(1000)["limit"], "before": _TEXT},
    "GET /threads/{thread_id}/runs": {
        **_page(1000),
        "status": {"enum": ["pending", "running", "success", "error", "timeout", "interrupted"]},
        "select": _TEXTS,
    },
    "GET /threads/{thread_id}/runs/{run_id}/join": {"cancel_on_disconnect": _FLAG},
    "GET /threads/{thread_id}/runs/{run_id}/stream": {
        "cancel_on_disconnect": _FLAG,
        "stream_mode": {"type": "array", "items": _MODES},
    },
    "POST /threads/{thread_id}/runs/{run_id}/cancel": {
        "wait": _FLAG,
        "action": {"enum": ["interrupt", "rollback"]},
    },
    "POST /runs/cancel": {"action": {"enum": ["interrupt", "rollback"]}},
    "GET /threads/{thread_id}/stream": {"stream_modes": {"type": "array", "items": _TEXT}},
    "GET /store/items": {"namespace": _TEXT, "key": _TEXT, "refresh_ttl": _FLAG},
}

IDS: dict[str, Schema] = {
    "thread_id": {
        "type": "string",
        "description": "A UUID, or a stable key of words joined by hyphens.",
    },
    "run_id": _UUID,
    "cron_id": _UUID,
    "assistant_id": {"type": "string", "description": "A graph's name, or an assistant's UUID."},
}

# Refusals in the words of a protocol of their own.
ENVELOPES: dict[str, Schema] = {
    "POST /threads/{thread_id}/commands": _take(
        "type", "error", type={"const": "error"}, error=_TEXT
    ),
    "POST /mcp": _take("jsonrpc", "error", jsonrpc={"const": "2.0"}, error=_OBJECT),
}
