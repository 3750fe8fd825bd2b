"""Graphs as routes. Pure.

One look-up in a map of all names: the time of a call does not grow with the number of graphs.
"""

from __future__ import annotations

from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.errors import NOT_STARTED_HEADER, Reason
from graphwarden.api.table import AssistantRoute, RouteTable
from graphwarden.twin.resources import (
    ASSISTANT_HEADER,
    Resource,
    answer,
    name_cluster,
    seconds,
    typed,
)

NAME: Final = "graphwarden"
_TABLE: Final = "envoy.config.route.v3.RouteConfiguration"
_ROUTE: Final = "envoy.config.route.v3.Route"
_ROUTES: Final = "envoy.config.route.v3.RouteList"
_HEADER: Final = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
# As the router waits: the worker enforces the run's own timeout.
_SHORTEST_SECONDS, _MARGIN_SECONDS = 300.0, 30.0
_RUNS: Final = "^(/threads/[^/]+)?/runs(/wait|/stream)?$"
# Envoy's own answers have at most 4096 bytes.
_LISTED_BYTES: Final = 3000


def make_routes(table: RouteTable) -> Resource:
    """The route configuration of a table."""
    actions: dict[str, Resource] = {}
    for name, route in table.assistants.items():
        action = _act(_make_assistant(name, route, table))
        actions[name] = actions[names.assistant_uuid(name)] = action
    others = _act(_make_others(table))
    matcher: dict[str, Any] = {"on_no_match": others}
    if actions:
        named = {"name": "assistant", "typed_config": typed(_HEADER, header_name=ASSISTANT_HEADER)}
        matcher["matcher_tree"] = {"input": named, "exact_match_map": {"map": actions}}
    return typed(
        _TABLE,
        name=NAME,
        # What all graphs have in common is said once: a file of a thousand is read at each change.
        virtual_hosts=[
            {"name": "all", "domains": ["*"], "matcher": matcher, "retry_policy": _RETRIES}
        ],
        # Only what the client sent is for the worker; Envoy adds nothing of its own.
        request_headers_to_remove=["x-envoy-expected-rq-timeout-ms"],
    )


def _act(routes: list[Resource]) -> Resource:
    return {"action": {"name": "routes", "typed_config": typed(_ROUTES, routes=routes)}}


def _make_assistant(name: str, route: AssistantRoute, table: RouteTable) -> list[Resource]:
    if route.suspended or route.pool not in table.pools:
        if route.suspended:
            reason = Reason.GRAPH_SUSPENDED
            detail = (
                f"graph '{name}' is suspended: {route.message or route.reason or 'by its spec'}"
            )
        else:
            reason, detail = Reason.POOL_UNAVAILABLE, f"pool {route.pool} is not in the route table"
        refused = answer(503, reason, detail)
        return [_answer({"prefix": "/"}, refused)]
    target: Resource = {"cluster": name_cluster(route.pool)}
    if route.retry == "Never":
        # Stands for that of all.
        target["retry_policy"] = {"num_retries": 0}
    timeout = max(route.timeout_seconds + _MARGIN_SECONDS, _SHORTEST_SECONDS)
    return [
        # Prefixes: thousands of regular expressions would take an Envoy half a second to load.
        _route({"prefix": "/runs"}, target, seconds(timeout)),
        # On a thread a run may first wait for others, each as long as its graph allows.
        _route({"prefix": "/"}, target, "0s"),
    ]


def _make_others(table: RouteTable) -> list[Resource]:
    """What is no run of a graph in the table: threads go to a pool with storage."""
    unknown = answer(422, Reason.UNKNOWN_ASSISTANT, _explain_unknown(sorted(table.assistants)))
    health = {"status": 200, "body": {"inline_string": '{"ok":true}'}}
    found = [
        _answer({"path": "/ok"}, health),
        *_make_pages(table),
        _answer({"safe_regex": {"regex": _RUNS}, "headers": [_POST]}, unknown),
    ]
    stored = sorted(
        (not pool.endpoints, name) for name, pool in table.pools.items() if pool.has_storage
    )
    if stored:
        found.append(_route({"prefix": "/"}, {"cluster": name_cluster(stored[0][1])}, "0s"))
    else:
        detail = "no pool has storage: threads need a GraphSpec with resumable: true"
        missing = answer(503, Reason.STORAGE_MISSING, detail)
        found.append(_answer({"prefix": "/"}, missing))
    return found


def _make_pages(table: RouteTable) -> list[Resource]:
    """Graphs that are pages, by their path: callers of a page send no header."""
    found = []
    for name, route in sorted(table.assistants.items()):
        if route.page_methods is not None and not route.suspended and route.pool in table.pools:
            target: Resource = {"cluster": name_cluster(route.pool)}
            timeout = seconds(max(route.timeout_seconds + _MARGIN_SECONDS, _SHORTEST_SECONDS))
            found.append(_route({"path": f"/pages/{name}"}, target, timeout))
    return found


def _explain_unknown(graphs: list[str]) -> str:
    """The router's sentence without the name that was asked for, and no longer than it may be."""
    shown = graphs
    while len(", ".join(shown)) > _LISTED_BYTES:
        shown = shown[: len(shown) // 2]
    others = f" and {len(graphs) - len(shown)} others" if shown != graphs else ""
    return (
        f"Invalid assistant in assistant_id or {ASSISTANT_HEADER}. Must be either:\n"
        "- A valid assistant UUID, or\n"
        f"- One of the registered graphs: {', '.join(shown)}{others}"
    )


def _route(match: Resource, target: Resource, timeout: str) -> Resource:
    # 0 is never, for the whole answer and for silence within it.
    return {"match": match, "route": {**target, "timeout": timeout, "idle_timeout": "0s"}}


def _answer(match: Resource, response: Resource) -> Resource:
    kind = {"key": "content-type", "value": "application/json"}
    overwrite = {"header": kind, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return {"match": match, "direct_response": response, "response_headers_to_add": [overwrite]}


# Only what did not start is sent again.
_RETRIES: Final = {
    "retry_on": "connect-failure,retriable-headers",
    "num_retries": 2,
    "retriable_headers": [{"name": NOT_STARTED_HEADER, "present_match": True}],
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": typed(
                "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            ),
        }
    ],
    "host_selection_retry_max_attempts": 3,
}
_POST: Final = {"name": ":method", "string_match": {"exact": "POST"}}
