"""The error answer of every server here, and the reasons it may carry."""

from __future__ import annotations

import json
from typing import Final

NOT_STARTED_HEADER: Final = "x-graphwarden-not-started"
ASSISTANT_HEADER: Final = "x-graphwarden-assistant"
WORKER_HEADER: Final = "x-graphwarden-worker"
TRACE_HEADER: Final = "x-trace-id"


class Reason:
    """Reasons of HTTP errors, for programs; `detail` is for people."""

    INVALID_JSON: Final = "InvalidJSON"
    INVALID_REQUEST: Final = "InvalidRequest"
    MISSING_ASSISTANT_ID: Final = "MissingAssistantID"
    UNKNOWN_ASSISTANT: Final = "UnknownAssistant"
    UNSUPPORTED_FIELD: Final = "UnsupportedField"
    NOT_RESUMABLE: Final = "NotResumable"
    NOT_FOUND: Final = "NotFound"
    UNAUTHENTICATED: Final = "Unauthenticated"
    FORBIDDEN: Final = "Forbidden"
    METHOD_NOT_ALLOWED: Final = "MethodNotAllowed"
    REQUEST_TIMEOUT: Final = "RequestTimeout"
    CONFLICT: Final = "Conflict"
    IDEMPOTENCY_KEY_REUSED: Final = "IdempotencyKeyReused"
    BODY_TOO_LARGE: Final = "BodyTooLarge"
    MISDIRECTED: Final = "Misdirected"
    HEADERS_TOO_LARGE: Final = "HeadersTooLarge"
    QUEUE_FULL: Final = "QueueFull"
    TOO_MANY_CONNECTIONS: Final = "TooManyConnections"
    INTERNAL: Final = "Internal"
    UPSTREAM_LOST: Final = "UpstreamLost"
    UPSTREAM_TIMEOUT: Final = "UpstreamTimeout"
    PARTLY_STARTED: Final = "PartlyStarted"
    POOL_UNAVAILABLE: Final = "PoolUnavailable"
    GRAPH_NOT_READY: Final = "GraphNotReady"
    GRAPH_NOT_LOADED: Final = "GraphNotLoaded"
    GRAPH_SUSPENDED: Final = "GraphSuspended"
    AT_CAPACITY: Final = "AtCapacity"
    DRAINING: Final = "Draining"
    MEMORY_PRESSURE: Final = "MemoryPressure"
    STORAGE_MISSING: Final = "StorageMissing"
    STORAGE_UNAVAILABLE: Final = "StorageUnavailable"


# With one of these nothing of the call has begun, and it may be sent again as it is.
NOT_STARTED: Final = frozenset(
    {
        Reason.QUEUE_FULL,
        Reason.TOO_MANY_CONNECTIONS,
        Reason.POOL_UNAVAILABLE,
        Reason.GRAPH_NOT_READY,
        Reason.GRAPH_NOT_LOADED,
        Reason.GRAPH_SUSPENDED,
        Reason.AT_CAPACITY,
        Reason.DRAINING,
        Reason.MEMORY_PRESSURE,
        Reason.STORAGE_MISSING,
    }
)


def list_reasons() -> list[str]:
    """All reasons, in the order in which they stand above."""
    return [value for name, value in vars(Reason).items() if name.isupper()]


def render_error(detail: str, reason: str, trace_id: str) -> bytes:
    """The JSON body of an error answer. LangGraph clients read `detail` and ignore the rest."""
    body = {"detail": detail, "reason": reason, "trace_id": trace_id}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def unknown_assistant_detail(assistant_id: str, known: list[str]) -> str:
    """The sentence LangGraph's own server answers; users match on the list of graphs."""
    return (
        f"Invalid assistant: {assistant_id!r}. Must be either:\n- A valid assistant UUID, or\n"
        f"- One of the registered graphs: {', '.join(sorted(known))}"
    )
