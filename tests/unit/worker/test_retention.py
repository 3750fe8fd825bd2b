"""For how long threads are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphwarden.worker.engine.retention import Retention, parse_ttl

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
DEFAULT = Retention(history=7 * DAY, threads=90 * DAY)


@pytest.mark.parametrize(
    ("retention", "waits", "expected"),
    [
        (DEFAULT, False, NOW + 7 * DAY),
        (DEFAULT, True, NOW + 7 * DAY),
        (Retention(history=None, threads=90 * DAY), False, NOW + 90 * DAY),
        (Retention(history=None, threads=90 * DAY), True, None),
        (Retention(history=None, threads=None), False, None),
    ],
)
def test_a_thread_that_was_touched_is_looked_at_later(
    retention: Retention, waits: bool, expected: datetime | None
) -> None:
    assert retention.first_look(NOW, waits=waits) == expected


@pytest.mark.parametrize(
    ("ttl", "age", "waits", "step", "again"),
    [
        (None, 7 * DAY, False, "keep_latest", NOW + 83 * DAY),
        (None, 90 * DAY, False, "delete", None),
        (None, 400 * DAY, True, "keep_latest", None),
        ({"ttl": 5, "strategy": "delete"}, timedelta(0), False, "delete", None),
        ({"ttl": 5, "strategy": "keep_latest"}, timedelta(0), False, "keep_latest", None),
        ({"ttl": 5}, timedelta(0), True, "delete", None),
    ],
)
def test_a_thread_that_is_due_loses_its_history_or_goes(
    ttl: dict[str, Any] | None,
    age: timedelta,
    waits: bool,
    step: str,
    again: datetime | None,
) -> None:
    assert DEFAULT.plan(ttl, NOW - age, NOW, waits=waits) == (step, again)


def test_a_threads_own_time_is_in_minutes() -> None:
    assert parse_ttl({"ttl": 1.5}, NOW) == NOW + timedelta(seconds=90)
