"""The bodies of calls about assistants, checked. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphwarden.api.assistants import INVALID_ASSISTANT_ID, SYSTEM
from graphwarden.worker.assistants import (
    Assistant,
    AssistantChange,
    mirror,
    parse_assistant_id,
)
from graphwarden.worker.errors import invalid
from graphwarden.worker.requests import parse_contexts

_NAME_LENGTH_LIMIT = 255
_UNNAMED = "Untitled"


@dataclass(frozen=True, slots=True)
class NewAssistant:
    """What a POST asks to make. `keep_existing`: one that has the id already will do."""

    assistant: Assistant
    keep_existing: bool


def parse_new_assistant(body: dict[str, Any], now: datetime) -> NewAssistant:
    """Check the body of `POST /assistants`.

    Raises:
        ApiError: 400 or 422 with the field at fault.
    """
    change = parse_change(body)
    if change.graph_id is None:
        raise invalid('"graph_id" is a required property')
    given = body.get("assistant_id")
    if_exists = body.get("if_exists") or "raise"
    if if_exists not in ("raise", "do_nothing"):
        raise invalid("`if_exists` must be raise or do_nothing")
    blank = Assistant(
        assistant_id=str(uuid.uuid4()) if given is None else require_assistant_id(given),
        graph_id=change.graph_id,
        name=_UNNAMED,
        created_at=now,
        updated_at=now,
    )
    return NewAssistant(change.apply(blank), keep_existing=if_exists == "do_nothing")


def parse_change(body: dict[str, Any]) -> AssistantChange:
    """Check the body of `PATCH /assistants/{assistant_id}`.

    Raises:
        ApiError: 400 or 422 with the field at fault.
    """
    config, context = _parse_settings(body)
    return AssistantChange(
        graph_id=_parse_text(body, "graph_id"),
        name=_parse_text(body, "name"),
        description=_parse_text(body, "description", limit=None),
        config=config,
        context=context,
        metadata=_parse_metadata(body),
    )


def require_assistant_id(value: Any) -> str:
    """A UUID in its usual spelling.

    Raises:
        ApiError: 422 when it is none.
    """
    found = parse_assistant_id(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(INVALID_ASSISTANT_ID)
    return found


def parse_version(body: dict[str, Any]) -> int:
    """The `version` of a body.

    Raises:
        ApiError: 422 when there is none.
    """
    version = body.get("version")
    if type(version) is not int or not 1 <= version < 2**31:
        raise invalid("`version` must be the number of a version, from 1 on")
    return version


def _parse_settings(body: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    config = body.get("config")
    if isinstance(config, dict) and config.get("configurable") == body.get("context"):
        # An assistant that was read before shows its context under both names.
        body = {**body, "config": mirror(config, {})}
    parsed_config, parsed_context = parse_contexts(body)
    return (
        parsed_config if config is not None else None,
        parsed_context if body.get("context") is not None else None,
    )


def _parse_metadata(body: dict[str, Any]) -> dict[str, Any]:
    metadata = body.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise invalid("`metadata` must be an object")
    if metadata.get("created_by") == SYSTEM:
        raise invalid(
            "`metadata.created_by` may not be system: that marks the assistants of GraphSpecs"
        )
    return metadata


def _parse_text(
    body: dict[str, Any], name: str, limit: int | None = _NAME_LENGTH_LIMIT
) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value or (limit is not None and len(value) > limit):
        most = "" if limit is None else f" of at most {limit} characters"
        raise invalid(f"`{name}` must be a text{most}")
    return value
