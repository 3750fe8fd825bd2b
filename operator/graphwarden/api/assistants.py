"""Assistants as clients see them: the default ones of graphs, searches, and pages of both kinds.

A default assistant is made of its GraphSpec and stored nowhere; further ones are made by the API
and stored. A search finds both. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from graphwarden.api import names

Assistant = Mapping[str, Any]

SORT_FIELDS: Final = ("assistant_id", "graph_id", "name", "created_at", "updated_at")
# Studio looks for assistants that the system made.
SYSTEM: Final = "system"
PAGE_LIMIT: Final = 1000
EPOCH: Final = "1970-01-01T00:00:00+00:00"
INVALID_ASSISTANT_ID: Final = "Invalid assistant ID: must be a UUID"
# Asks a worker for the stored assistants alone; a router knows the defaults of the whole fleet.
STORED_ONLY: Final = "stored_only"
# A router's word that this graph is in the fleet, though perhaps not in this worker's pool.
GRAPH_HEADER: Final = "x-graphwarden-graph"

_OFFSET_LIMIT = 2**31 - 1


class InvalidQuery(ValueError):
    """What is wrong with the body of a search, in one sentence."""


@dataclass(frozen=True, slots=True)
class AssistantQuery:
    """What a search of assistants asks."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    graph_id: str | None = None
    name: str | None = None
    limit: int = 10
    offset: int = 0
    sort_by: str = "created_at"
    descending: bool = True
    select: tuple[str, ...] = ()

    @property
    def wants_defaults_only(self) -> bool:
        """Whether no stored assistant can match: none of them carries `created_by: system`."""
        return self.metadata.get("created_by") == SYSTEM

    def to_json(self, window: Window) -> dict[str, Any]:
        """The same search for a part of its stored assistants, as a request body."""
        return {
            "metadata": dict(self.metadata),
            "graph_id": self.graph_id,
            "name": self.name,
            "sort_by": self.sort_by,
            "sort_order": "desc" if self.descending else "asc",
            "offset": window.offset,
            "limit": window.limit,
        }


@dataclass(frozen=True, slots=True)
class Window:
    """Which of the stored assistants may stand on a page."""

    offset: int
    limit: int


def make_default_assistant(
    graph: str,
    *,
    context: Mapping[str, Any],
    generation: int,
    resumable: bool,
    capability: str,
    created_at: str | None = None,
    updated_at: str | None = None,
) -> dict[str, Any]:
    """The default assistant of a graph."""
    return {
        "assistant_id": names.assistant_uuid(graph),
        "graph_id": graph,
        "config": {},
        "context": dict(context),
        "metadata": {"created_by": SYSTEM, "capability": capability, "resumable": resumable},
        "name": graph,
        "description": None,
        "version": generation,
        "created_at": created_at or EPOCH,
        "updated_at": updated_at or created_at or EPOCH,
    }


def explain_read_only(graph: str) -> str:
    """What to do instead of changing a default assistant."""
    return (
        f"assistant {names.assistant_uuid(graph)} is the default of graph '{graph}' and belongs to "
        f"its GraphSpec: edit the GraphSpec with assistantID {graph}, or make another assistant of "
        f"the graph by POST /assistants"
    )


def explain_missing(assistant_id: str) -> str:
    """The reference server's sentence for an id that nobody has."""
    return f"Assistant with ID {assistant_id} not found"


def explain_taken(assistant_id: str) -> str:
    """The reference server's sentence for an id that is in use."""
    return f"Assistant {assistant_id} already exists"


def explain_unknown_graph(graph: str, known: Sequence[str]) -> str:
    """The reference server's sentence for an assistant of a graph that is not there."""
    return f"Graph {graph!r} not found. Expected one of: {sorted(known)}"


def parse_query(body: object, *, limit: int = PAGE_LIMIT) -> AssistantQuery:
    """Check the body of a search or a count.

    Args:
        body: the JSON value of the request.
        limit: the largest page.

    Raises:
        InvalidQuery: with the field at fault.
    """
    if not isinstance(body, dict):
        raise InvalidQuery("the request body must be a JSON object")
    sort_by = _take(body, "sort_by", str, "a string") or "created_at"
    if sort_by not in SORT_FIELDS:
        raise InvalidQuery(f"`sort_by` must be one of {', '.join(SORT_FIELDS)}")
    order = (_take(body, "sort_order", str, "a string") or "desc").lower()
    if order not in ("asc", "desc"):
        raise InvalidQuery("`sort_order` must be asc or desc")
    select = _take(body, "select", list, "a list of field names") or []
    if not all(isinstance(name, str) for name in select):
        raise InvalidQuery("`select` must be a list of field names")
    return AssistantQuery(
        metadata=_take(body, "metadata", dict, "an object") or {},
        graph_id=_take(body, "graph_id", str, "a string"),
        name=_take(body, "name", str, "a string"),
        limit=_count(body, "limit", 10, 1, limit),
        offset=_count(body, "offset", 0, 0, _OFFSET_LIMIT),
        sort_by=sort_by,
        descending=order == "desc",
        select=tuple(select),
    )


def matches(assistant: Assistant, query: AssistantQuery) -> bool:
    """Whether a search finds the assistant."""
    return (
        query.graph_id in (None, assistant["graph_id"])
        and (query.name is None or query.name.lower() in assistant["name"].lower())
        and _contains(assistant["metadata"], query.metadata)
    )


def make_window(query: AssistantQuery, defaults: int) -> Window:
    """The stored assistants that can stand on the page, however the defaults sort among them.

    At most all `defaults` stand before a stored one, so those stored further ahead than that are
    on an earlier page in any case.
    """
    offset = max(0, query.offset - defaults)
    return Window(offset, query.offset + query.limit - offset)


def merge_page(
    query: AssistantQuery, defaults: Sequence[Assistant], stored: Sequence[Assistant]
) -> list[dict[str, Any]]:
    """The page of a search.

    Args:
        query: what was asked.
        defaults: all default assistants that match.
        stored: the stored ones of `make_window`.
    """
    # Two passes of a stable sort: equal ones by id, whichever way the rest goes.
    found = sorted([*defaults, *stored], key=lambda assistant: str(assistant["assistant_id"]))
    found.sort(key=lambda assistant: _sort_key(assistant, query), reverse=query.descending)
    first = query.offset - make_window(query, len(defaults)).offset
    page = found[first : first + query.limit]
    wanted = query.select
    return [{k: v for k, v in each.items() if not wanted or k in wanted} for each in page]


def make_page_headers(query: AssistantQuery, total: int) -> dict[str, str]:
    """How many there are, and where the next page starts when there is one."""
    headers = {"x-pagination-total": str(total)}
    if query.offset + query.limit < total:
        headers["x-pagination-next"] = str(query.offset + query.limit)
    return headers


def _sort_key(assistant: Assistant, query: AssistantQuery) -> Any:
    value = assistant[query.sort_by]
    return datetime.fromisoformat(value) if query.sort_by.endswith("_at") else value


def _contains(have: Any, wanted: Any) -> bool:
    """PostgreSQL's `@>`: objects and lists hold what is asked, all else is equal."""
    if isinstance(wanted, Mapping):
        return isinstance(have, Mapping) and all(
            key in have and _contains(have[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(have, list) and all(
            any(_contains(each, value) for each in have) for value in wanted
        )
    return isinstance(have, bool) == isinstance(wanted, bool) and bool(have == wanted)


def _take(body: Mapping[str, Any], name: str, kind: type, word: str) -> Any:
    value = body.get(name)
    # PostgreSQL has no text with a NUL character in it.
    has_nul = isinstance(value, str) and "\0" in value
    if has_nul or (value is not None and not isinstance(value, kind)):
        raise InvalidQuery(f"`{name}` must be {word}")
    return value


def _count(body: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if type(value) is not int or not low <= value <= high:
        raise InvalidQuery(f"`{name}` must be a whole number from {low} to {high}")
    return value
