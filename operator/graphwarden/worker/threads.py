"""A thread, and what a search of threads asks. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

ThreadStatus = Literal["idle", "busy", "interrupted", "error"]

STATUSES = ("idle", "busy", "interrupted", "error")
SORT_KEYS = ("thread_id", "status", "created_at", "updated_at", "state_updated_at")


EXTRACTABLE = ("metadata", "values", "config", "interrupts", "error")
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d+)\]")


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

    def extract(self, paths: Mapping[str, str]) -> dict[str, Any]:
        """Single values, each found by a path such as `values.messages[-1].content`."""
        shape = self.to_json()
        return {alias: _find(shape, path) for alias, path in paths.items()}


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


def _find(value: Any, path: str) -> Any:
    """The value at a path; None where the path leads nowhere."""
    for step in _STEP.finditer(path):
        key, index = step.groups()
        if key is not None and isinstance(value, dict):
            value = value.get(key)
        elif (
            index is not None and isinstance(value, list) and -len(value) <= int(index) < len(value)
        ):
            value = value[int(index)]
        else:
            return None
    return value
