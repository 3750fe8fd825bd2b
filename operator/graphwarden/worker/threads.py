"""A thread, and what a search of threads asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

ThreadStatus = Literal["idle", "busy", "interrupted", "error"]

STATUSES = ("idle", "busy", "interrupted", "error")
SORT_KEYS = ("thread_id", "status", "created_at", "updated_at", "state_updated_at")


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread, as it is stored."""

    thread_id: str
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime
    metadata: dict[str, Any] = field(default_factory=dict)
    status: ThreadStatus = "idle"
    config: dict[str, Any] = field(default_factory=dict)
    values: Any = None
    interrupts: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """The wire shape of a thread."""
        shape = asdict(self)
        for name in ("created_at", "updated_at", "state_updated_at"):
            shape[name] = shape[name].isoformat()
        return shape


@dataclass(frozen=True, slots=True)
class ThreadQuery:
    """What a thread search asks."""

    ids: Sequence[str] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    status: str | None = None
    limit: int = 10
    offset: int = 0
    sort_by: str = "created_at"
    descending: bool = True
