"""What a look at kept runs may ask for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

STATUSES = ("running", "success", "interrupted", "error", "timeout", "cancelled")
FILTERS = ("assistant_id", "thread_id", "run_id", "status", "since", "limit")
_EQUAL = FILTERS[:4]
_MOST = 1000
_DEFAULT = "100"
_AGE = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class InvalidFilter(ValueError):
    """A filter that cannot be meant; the message says what it should be."""


@dataclass(frozen=True, slots=True)
class RunFilters:
    """Which runs are asked for, and how many of them."""

    equal: Mapping[str, str]
    since: datetime | None
    limit: int

    def fits(self, run: Mapping[str, Any]) -> bool:
        """Whether a run is one of them."""
        if any(run[name] != value for name, value in self.equal.items()):
            return False
        return self.since is None or datetime.fromisoformat(run["started_at"]) >= self.since


def parse_filters(query: Mapping[str, str], now: datetime) -> RunFilters:
    """The filters of a query: assistant_id, thread_id, run_id, status, since, limit.

    Raises:
        InvalidFilter: a value cannot be meant.
    """
    equal = {name: query[name] for name in _EQUAL if query.get(name)}
    if equal.get("status", STATUSES[0]) not in STATUSES:
        raise InvalidFilter(f"`status` must be one of {', '.join(STATUSES)}")
    limit = query.get("limit") or _DEFAULT
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= _MOST:
        raise InvalidFilter(f"`limit` must be a number from 1 to {_MOST}")
    since = query.get("since")
    return RunFilters(equal, _parse_since(since, now) if since else None, int(limit))


def _parse_since(text: str, now: datetime) -> datetime:
    age = _AGE.fullmatch(text)
    if age is not None:
        return now - timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilter(
            "`since` must be an age such as 15m, 2h or 3d, or a time such as 2026-11-30T09:00:00Z"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
