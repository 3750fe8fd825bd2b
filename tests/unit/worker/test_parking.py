"""When a thread is woken, and with what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from graphwarden.worker.parking import find_wake_time, make_answers

NINE = datetime(2026, 11, 26, 9, tzinfo=UTC)


def waiting(**value: Any) -> dict[str, Any]:
    return {"task": [{"id": "one", "value": value}]}


@pytest.mark.parametrize(
    "spelling",
    ["2026-11-26T09:00:00+00:00", "2026-11-26T10:00:00+01:00", "2026-11-26T09:00:00Z",
     "2026-11-26T09:00:00", NINE.timestamp(), int(NINE.timestamp())],
)  # fmt: skip
def test_a_time_can_be_spelt_as_iso_8601_or_as_seconds(spelling: Any) -> None:
    assert find_wake_time(waiting(wake_at=spelling)) == NINE


@pytest.mark.parametrize("value", [None, "soon", True, [], {}, 1e300, "2026-13-01T00:00:00Z"])
def test_what_is_no_time_wakes_nobody(value: Any) -> None:
    assert find_wake_time(waiting(wake_at=value)) is None


def test_an_interrupt_without_a_time_waits_for_a_person() -> None:
    assert find_wake_time({"task": [{"id": "one", "value": "go on?"}]}) is None


def test_the_earliest_of_several_interrupts_decides() -> None:
    later = {"id": "two", "value": {"wake_at": "2026-12-01T00:00:00Z"}}
    assert find_wake_time({**waiting(wake_at=NINE.isoformat()), "other": [later]}) == NINE


def test_only_interrupts_that_are_due_are_answered() -> None:
    later = {"id": "two", "value": {"wake_at": "2026-12-01T00:00:00Z"}}
    interrupts = {**waiting(wake_at=NINE.isoformat(), wake_with={"now": 1}), "other": [later]}
    assert make_answers(interrupts, NINE) == {"one": {"now": 1}}


def test_the_answer_is_true_where_none_is_given() -> None:
    assert make_answers(waiting(wake_at=NINE.isoformat()), NINE) == {"one": True}
