"""Runs on a schedule. Pure: when the next one is due, and what it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_FORM = (
    "Invalid cron schedule. Ensure the schedule uses the standard cron format (minute hour "
    "day_of_month month day_of_week). Example: '*/5 * * * *' for every 5 minutes."
)
_LONGEST_SCHEDULE = 255
SORT_KEYS = (
    "cron_id", "assistant_id", "thread_id", "next_run_date", "end_time", "created_at", "updated_at",
)  # fmt: skip


class InvalidSchedule(ValueError):
    """A schedule or a time zone that says nothing; the text is for the caller."""


@dataclass(frozen=True, slots=True)
class Cron:
    """One schedule, as it is stored."""

    cron_id: str
    assistant_id: str
    graph_id: str
    schedule: str
    created_at: datetime
    updated_at: datetime
    thread_id: str | None = None
    timezone: str | None = None
    end_time: datetime | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    on_run_completed: str | None = None
    enabled: bool = True
    next_run_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """The wire shape of a cron."""
        return {
            "cron_id": self.cron_id,
            "assistant_id": self.assistant_id,
            "thread_id": self.thread_id,
            "user_id": "",
            "end_time": _spell(self.end_time),
            "schedule": self.schedule,
            "timezone": self.timezone,
            "payload": self.payload,
            "next_run_date": _spell(self.next_run_at),
            "metadata": self.metadata,
            "on_run_completed": self.on_run_completed,
            "enabled": self.enabled,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }


def find_next(
    schedule: str, timezone: str | None, after: datetime, end: datetime | None = None
) -> datetime | None:
    """When a schedule is due next, in UTC; None when that is never, or past its end.

    Counted on the clocks of its time zone: a daily run keeps its hour when summer time begins.

    Raises:
        InvalidSchedule: it cannot be read.
    """
    zone = _find_zone(timezone)
    if len(schedule.split()) != 5 or len(schedule) > _LONGEST_SCHEDULE:
        raise InvalidSchedule(f"Invalid cron schedule: {schedule!r}. Reason: {_FORM}")
    try:
        found = next(CronSim(schedule, after.astimezone(zone)), None)
    except CronSimError:
        raise InvalidSchedule(f"Invalid cron schedule: {schedule!r}. Reason: {_FORM}") from None
    if found is None:
        return None
    due = found.astimezone(UTC)
    return due if end is None or due <= end else None


def _find_zone(timezone: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"Invalid timezone: {timezone!r} is no name of the IANA time zone database"
        raise InvalidSchedule(message) from None


def _spell(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None
