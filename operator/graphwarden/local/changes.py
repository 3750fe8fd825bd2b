"""What a changed folder means for the running pools. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from graphwarden.api.fleet import Pool

_BACKOFF_FIRST_SECONDS = 0.5
_BACKOFF_LONGEST_SECONDS = 30.0
_STEADY_SECONDS = 60.0


@dataclass(frozen=True)
class Changes:
    """Names of pools: to start, to stop, to give new rows, and to give a new process."""

    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()


def plan_changes(running: Mapping[str, Pool], wanted: Mapping[str, Pool]) -> Changes:
    """The least that leads from the running pools to the wanted ones.

    New rows reach a worker while it serves; what it was started with takes a new process.
    """
    kept = sorted(running.keys() & wanted.keys())
    return Changes(
        start=tuple(sorted(wanted.keys() - running.keys())),
        stop=tuple(sorted(running.keys() - wanted.keys())),
        update=tuple(name for name in kept if running[name].registry != wanted[name].registry),
        replace=tuple(name for name in kept if _start(running[name]) != _start(wanted[name])),
    )


def needs_new_processes(changed: Set[str], added: Set[str], has_failed: bool) -> bool:
    """Whether workers have to start anew for these files, as what is imported stays imported.

    A new file is none of theirs yet, unless it is what a graph that failed was missing.
    """
    suffixes = (".yaml", ".yml", ".json")
    new_code = any(not path.endswith(suffixes) and "." in Path(path).name for path in added)
    return bool(changed) or (has_failed and new_code)


def make_environment(pool: Pool) -> dict[str, str]:
    """The variables of the pool's GraphPool that have a value here; Secrets are the user's own."""
    entries = pool.spec.worker.env
    return {str(e["name"]): str(e["value"]) for e in entries if "name" in e and "value" in e}


def _start(pool: Pool) -> tuple[object, ...]:
    return pool.spec.concurrency_per_replica, make_environment(pool)


def make_backoff_seconds(failures: int) -> float:
    """How long to wait before the next start, after so many failures in a row."""
    return float(min(_BACKOFF_FIRST_SECONDS * 2 ** min(failures, 16), _BACKOFF_LONGEST_SECONDS))


class Backoff:
    """The waits between the starts of a program that keeps ending."""

    def __init__(self) -> None:
        self._failures = 0

    def note_end(self, up_seconds: float) -> float:
        """How long to wait before the next start, now that it ended after so many seconds."""
        self._failures = 1 if up_seconds > _STEADY_SECONDS else self._failures + 1
        return make_backoff_seconds(self._failures - 1)
