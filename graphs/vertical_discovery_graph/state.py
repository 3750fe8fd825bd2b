"""What vertical_discovery takes, keeps and gives."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from graphs.sales.tasks import Provenance


class VerticalInput(TypedDict, total=False):
    """`vertical_slug` names a vertical, such as `warehouse-automation`. `limit` is how many
    companies are wanted, 1 to 100. `now` (ISO 8601) stands in for the clock.
    """

    vertical_slug: str
    limit: int
    now: str


class JudgedCandidate(TypedDict):
    """A site that was judged, whether it fits or not; `signs` are the words that decided."""

    domain: str
    name: str
    source: str
    fits: bool
    confidence: float
    signs: list[str]
    reason: str
    provenance: Provenance


class VerticalSource(TypedDict):
    """A place where companies were looked for; `message` says what went wrong, or is empty."""

    source: str
    found: int
    message: str


class VerticalOutput(TypedDict, total=False):
    """`skipped_existing` are ids of companies that were known, and stay as they are."""

    candidates: list[JudgedCandidate]
    inserted_ids: list[str]
    skipped_existing: list[str]
    rejected: list[dict[str, Any]]
    sources: list[VerticalSource]


class VerticalState(VerticalInput, VerticalOutput, total=False):
    """`found` are the sites to visit: `[{"domain", "source", "title"}]`."""

    found: list[dict[str, str]]
