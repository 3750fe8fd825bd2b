"""Assistants: settings under which a graph runs, by a name of their own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from graphwarden.api import names
from graphwarden.api.assistants import SYSTEM, make_default_assistant
from graphwarden.worker.errors import (
    ApiError,
    misdirected,
    thread_or_assistant_not_found,
)
from graphwarden.worker.requests import RunRequest

if TYPE_CHECKING:
    from graphwarden.worker.graphs import Slot
    from graphwarden.worker.service import Service


@dataclass(frozen=True, slots=True)
class Assistant:
    """An assistant that the API made, as it is stored. `context` is also in `config`."""

    assistant_id: str
    graph_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    description: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The wire shape of an assistant."""
        shape = asdict(self)
        for name in ("created_at", "updated_at"):
            shape[name] = shape[name].isoformat()
        return shape


@dataclass(frozen=True, slots=True)
class AssistantChange:
    """What a PATCH says; None: it says nothing of that."""

    graph_id: str | None = None
    name: str | None = None
    description: str | None = None
    config: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def apply(self, assistant: Assistant) -> Assistant:
        """The assistant with the change made; metadata is merged, all else replaced."""
        config, context = self.config, self.context
        if context is None and config is not None:
            # `configurable` is the older name of the context.
            context = config.get("configurable")
        if context is None:
            context = assistant.context
        if config is None:
            config = assistant.config
        return replace(
            assistant,
            graph_id=assistant.graph_id if self.graph_id is None else self.graph_id,
            name=assistant.name if self.name is None else self.name,
            description=assistant.description if self.description is None else self.description,
            config=mirror(config, context),
            context=context,
            metadata={**assistant.metadata, **self.metadata},
        )


@dataclass(frozen=True, slots=True)
class ResolvedAssistant:
    """What a run needs of its assistant: its graph, its id, and its settings."""

    slot: Slot
    assistant_id: str
    config: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


def mirror(config: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the context under its older name, for clients that read that."""
    others = {key: value for key, value in config.items() if key != "configurable"}
    return {**others, "configurable": dict(context)} if context else others


def make_default(slot: Slot, capability: str) -> dict[str, Any]:
    """The default assistant of a graph of this worker, as clients see it."""
    row = slot.row
    return make_default_assistant(
        row.assistant_id,
        context=row.context,
        generation=row.generation,
        resumable=row.resumable,
        capability=capability,
    )


def apply_assistant(request: RunRequest, assistant: ResolvedAssistant) -> RunRequest:
    """The request with the assistant's settings under the caller's own.

    Context and `configurable` are two names of one thing. Where the graph declares a context and
    the caller does not speak of `configurable`, the assistant's values go into the context alone:
    LangGraph writes all of `configurable` into the metadata of every checkpoint.
    """
    asked = request.config.get("configurable") or {}
    config = {**assistant.config, **request.config}
    config.pop("configurable", None)
    metadata = {**assistant.metadata, **(request.config.get("metadata") or {})}
    if metadata:
        config["metadata"] = metadata
    graph = assistant.slot.graph
    in_context = graph is not None and graph.has_context_schema and not asked
    configurable = asked if in_context else {**assistant.context, **asked}
    if configurable:
        config["configurable"] = configurable
    context = request.context
    if in_context or context:
        context = {**assistant.context, **context}
    return replace(request, config=config, context=context)


async def find_assistant(service: Service, assistant_id: str) -> ResolvedAssistant:
    """The assistant of a graph's name, of a default assistant's UUID, or of an API-made one's.

    Only the last asks the database: it is one read by primary key, and a change takes effect with
    the next run, whichever worker made it.

    Raises:
        ApiError: 422 for an unknown name, 404 for an unknown UUID, as the reference has it; 421
            when its graph is not of this pool; 503 when the database is not in reach.
    """
    parsed = parse_assistant_id(assistant_id)
    try:
        slot = service.graphs.resolve(parsed or assistant_id)
    except ApiError:
        if parsed is None or service.settings.database_url is None:
            raise
    else:
        default = names.assistant_uuid(slot.row.assistant_id)
        return ResolvedAssistant(slot, default, metadata={"created_by": SYSTEM})
    stored = await service.require_storage().assistants.fetch(parsed)
    if stored is None:
        raise thread_or_assistant_not_found()
    served = service.graphs.slots.get(stored.graph_id)
    if served is None:
        raise misdirected(stored.graph_id)
    return ResolvedAssistant(
        served, stored.assistant_id, stored.config, stored.context, stored.metadata
    )


def parse_assistant_id(text: str) -> str | None:
    """The UUID in its usual spelling, or None when it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
