"""When a mailbox may send again: window, holidays, gap, cap. Pure; time comes in as an argument."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Why = Literal["Window", "Holiday", "Gap", "DailyCap"]
_DAYS_AHEAD = 60
_WORKDAYS = (0, 1, 2, 3, 4)


class InvalidWindow(ValueError):
    """A mailbox's window cannot be read; the text says what to write."""


@dataclass(frozen=True)
class Window:
    """Days of the week (0 is Monday) and hours, in some timezone."""

    days: tuple[int, ...] = _WORKDAYS
    start: time = time(9)
    end: time = time(17)


ANY_TIME = Window(tuple(range(7)), time.min, time.max)


@dataclass(frozen=True)
class Limits:
    """What binds one send. `is_holiday` is asked for days in the recipient's timezone.

    `sent_today` counts from midnight in the mailbox's timezone; `jitter_seconds` is added to the
    gap in full or in part, by `token`, so that mails do not go out in step.
    """

    window: Window
    timezone: ZoneInfo
    mailbox_timezone: ZoneInfo
    daily_cap: int
    sent_today: int
    last_send_at: datetime | None
    min_gap_seconds: float
    jitter_seconds: float
    token: str
    is_holiday: Callable[[date], bool] = field(default=lambda day: False)


@dataclass(frozen=True)
class Plan:
    """When to send: now if `at` is now, and why not earlier."""

    at: datetime
    why: Why | None = None


def plan_send(now: datetime, limits: Limits) -> Plan:
    """The first moment, from now on, at which nothing forbids the send."""
    at = now
    why: Why | None = None
    if limits.sent_today >= limits.daily_cap:
        local = now.astimezone(limits.mailbox_timezone)
        tomorrow = datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo)
        at, why = tomorrow.astimezone(now.tzinfo), "DailyCap"
    free_at = _find_end_of_gap(limits)
    if free_at is not None and free_at > at:
        at, why = free_at, "Gap"
    opening = _find_opening(at, limits)
    return Plan(opening.at, opening.why or why)


def read_window(value: Mapping[str, Any]) -> Window:
    """`{"days": [0, 1], "start": "09:00", "end": "17:00"}`; what is missing is a working week.

    Raises:
        InvalidWindow: with what to write.
    """
    try:
        days = tuple(int(day) for day in value.get("days", _WORKDAYS))
        start = time.fromisoformat(value.get("start", "09:00"))
        end = time.fromisoformat(value.get("end", "17:00"))
    except (TypeError, ValueError):
        raise InvalidWindow(
            'A window is {"days": [0..6], "start": "09:00", "end": "17:00"}; 0 is Monday.'
        ) from None
    if not days or not set(days) <= set(range(7)) or start >= end:
        raise InvalidWindow("A window has days from 0 to 6, and ends after it starts.")
    return Window(days, start, end)


def read_timezone(name: str) -> ZoneInfo:
    """A zone by its IANA name.

    Raises:
        InvalidWindow: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidWindow(
            f"There is no timezone {name!r}; write one such as Europe/Berlin."
        ) from None


def _find_end_of_gap(limits: Limits) -> datetime | None:
    if limits.last_send_at is None:
        return None
    share = int(hashlib.sha256(limits.token.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    gap = limits.min_gap_seconds + share * limits.jitter_seconds
    return limits.last_send_at + timedelta(seconds=gap)


def _find_opening(at: datetime, limits: Limits) -> Plan:
    """The moment itself when the window is open, else when it opens next.

    Raises:
        InvalidWindow: it does not open within two months, for all the holidays.
    """
    local = at.astimezone(limits.timezone)
    why: Why | None = None
    for ahead in range(_DAYS_AHEAD):
        day = local.date() + timedelta(days=ahead)
        opens = datetime.combine(day, limits.window.start, limits.timezone)
        closes = datetime.combine(day, limits.window.end, limits.timezone)
        if day.weekday() not in limits.window.days or closes <= local:
            why = why or "Window"
        elif limits.is_holiday(day):
            why = "Holiday"
        elif opens <= local:
            return Plan(at, None)
        else:
            return Plan(opens.astimezone(at.tzinfo), why or "Window")
    raise InvalidWindow(f"The window does not open within {_DAYS_AHEAD} days.")
