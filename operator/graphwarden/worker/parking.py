"""Interrupts that know when they are due. Pure.

A graph parks a thread by `interrupt({"wake_at": "2026-11-26T09:00:00+00:00"})`: an ISO 8601 time
with its offset, or seconds since the epoch. When it is due the interrupt is answered with the
value under `wake_with`, or `True`, once. Whoever resumes the thread earlier takes the wake-up's
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_DUE = "wake_at"
_ANSWER = "wake_with"


def find_wake_time(interrupts: Mapping[str, Any]) -> datetime | None:
    """When the thread has to be woken: the earliest of its interrupts, or None for never."""
    return min((due for due, _, _ in _list_parked(interrupts)), default=None)


def make_answers(interrupts: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The answer to each interrupt that is due, by interrupt id: a LangGraph resume map."""
    return {name: answer for due, name, answer in _list_parked(interrupts) if due <= now}


def _list_parked(interrupts: Mapping[str, Any]) -> Iterator[tuple[datetime, str, Any]]:
    for asked in interrupts.values():
        for interrupt in asked:
            value = interrupt.get("value")
            due = _parse_time(value.get(_DUE)) if isinstance(value, dict) else None
            if due is not None:
                yield due, interrupt["id"], value.get(_ANSWER, True)


def _parse_time(value: Any) -> datetime | None:
    """The time, or None for what is no time: a graph may use the name for something else."""
    try:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
