"""What a campaign leaves behind, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Execution:
    """A node that began to run: one line of the journal."""

    request: str
    thread: str
    run: str
    node: str
    attempt: int
    worker: str
    at: float


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something done to a worker (None: to all), from before it began until after it ended."""

    kind: str
    worker: str | None
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that the client was told is a run, and the nodes that make it up."""

    request: str
    thread: str
    run: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run's row."""

    run: str
    thread: str
    request: str
    status: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint's row; ids grow with time."""

    thread: str
    space: str
    checkpoint: str
    run: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event's row that says which attempt follows."""

    thread: str
    seq: int
    run: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    executions: Sequence[Execution] = ()
    # (run, node, request), as the keyed effects were stored.
    effects: Sequence[tuple[str, str, str]] = ()
    disturbances: Sequence[Disturbance] = ()
    accepted: Sequence[Accepted] = ()
    runs: Sequence[StoredRun] = ()
    checkpoints: Sequence[StoredCheckpoint] = ()
    events: Sequence[StoredEvent] = ()
    # The state of each thread, and the one that an undisturbed run gives.
    states: dict[str, Any] = field(default_factory=dict)
    undisturbed: Any = None
    # How many branches run side by side at most.
    branches: int = 2
    durability: str = "sync"
