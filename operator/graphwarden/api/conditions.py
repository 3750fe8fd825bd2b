"""The condition types and reasons of both resources, as written into their status."""

from __future__ import annotations

from typing import Final

# GraphSpec
ACCEPTED: Final = "Accepted"
LOADED: Final = "Loaded"
READY: Final = "Ready"

# GraphPool (and Ready)
PROGRESSING: Final = "Progressing"
SCALING_ACTIVE: Final = "ScalingActive"
DEGRADED: Final = "Degraded"


class Accepted:
    """Reasons of `Accepted`."""

    ACCEPTED: Final = "Accepted"
    ASSISTANT_ID_CONFLICT: Final = "AssistantIDConflict"
    MODULE_NOT_ALLOWED: Final = "ModuleNotAllowed"
    SUSPENDED: Final = "Suspended"
    INVALID_POOL: Final = "InvalidPool"
    INVALID_SPEC: Final = "InvalidSpec"
    CONTEXT_MISSING: Final = "ContextMissing"


class Loaded:
    """Reasons of `Loaded`; from `IMPORT_ERROR` to `STORAGE_MISSING` they come from the worker."""

    LOADED: Final = "Loaded"
    PENDING: Final = "Pending"
    IMPORT_ERROR: Final = "ImportError"
    ATTRIBUTE_MISSING: Final = "AttributeMissing"
    BUILDER_FAILED: Final = "BuilderFailed"
    NOT_A_GRAPH: Final = "NotAGraph"
    STORAGE_MISSING: Final = "StorageMissing"
    PARTIALLY_LOADED: Final = "PartiallyLoaded"
    NOT_ACCEPTED: Final = "NotAccepted"


class Ready:
    """Reasons of `Ready`, beside those of `Accepted` and `Loaded` that keep a graph from it."""

    READY: Final = "Ready"
    POOL_UNAVAILABLE: Final = "PoolUnavailable"
    SCALED_TO_ZERO: Final = "ScaledToZero"
