"""When a schedule is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from graphwarden.worker.crons import InvalidSchedule, find_next

NOON = datetime(2026, 11, 23, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "timezone", "due"),
    [
        ("*/5 * * * *", None, "2026-11-23T12:05:00+00:00"),
        ("0 9 * * *", "Europe/Paris", "2026-11-24T08:00:00+00:00"),
        ("0 9 * * 1", "America/New_York", "2026-11-23T14:00:00+00:00"),
        ("30 12 29 2 *", None, "2028-02-29T12:30:00+00:00"),
    ],
)
def test_a_schedule_is_counted_on_the_clocks_of_its_zone(
    schedule: str, timezone: str | None, due: str
) -> None:
    found = find_next(schedule, timezone, NOON)
    assert found is not None
    assert found.isoformat() == due


def test_a_daily_run_keeps_its_hour_when_summer_time_begins() -> None:
    before = datetime(2027, 3, 27, 12, tzinfo=UTC)
    first = find_next("0 9 * * *", "Europe/Paris", before)
    assert first == datetime(2027, 3, 28, 7, tzinfo=UTC)


def test_an_hour_that_a_zone_skips_or_repeats_has_one_run() -> None:
    skipped = datetime(2027, 3, 28, 1, tzinfo=UTC)
    repeated = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for before, due, after in (
        (datetime(2027, 3, 27, 12, tzinfo=UTC), skipped, "2027-03-29T00:30:00+00:00"),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), repeated, "2026-10-26T01:30:00+00:00"),
    ):
        assert find_next("30 2 * * *", "Europe/Paris", before) == due
        following = find_next("30 2 * * *", "Europe/Paris", due)
        assert following is not None
        assert following.isoformat() == after


def test_nothing_is_due_past_the_end() -> None:
    assert find_next("0 9 * * *", None, NOON, end=NOON) is None


@pytest.mark.parametrize(
    "schedule",
    [
        "bad",
        "",
        "* * * *",
        "* * * * * *",
        "61 * * * *",
        "x * * * *",
        "0 0 30 2 *",
        f"{'0,' * 130}0 * * * *",
    ],
)
def test_a_schedule_that_says_nothing_is_refused(schedule: str) -> None:
    with pytest.raises(InvalidSchedule, match="Invalid cron schedule"):
        find_next(schedule, None, NOON)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_time_zone_is_refused(timezone: str) -> None:
    with pytest.raises(InvalidSchedule, match="Invalid timezone"):
        find_next("0 9 * * *", timezone, NOON)
