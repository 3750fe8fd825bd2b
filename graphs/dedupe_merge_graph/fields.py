"""Which of two rows' values stays when they become one. Pure but for the rows it sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import PERSON

CONTACT_FIELDS = (
    "name", "title", "seniority", "department", "is_decision_maker", "authority_score", "phone",
    "profile_url", "country", "timezone", "language",
)  # fmt: skip
COMPANY_FIELDS = (
    "name", "website", "country", "industry", "category", "size", "employees", "description",
)  # fmt: skip


def take_fields(
    kept: Company | Contact, merged: Company | Contact, fields: Sequence[str], now: datetime
) -> list[str]:
    """Give `kept` every value of `merged` that is better known; which fields those were.

    What a person said stays before what a program found; of two that persons said the later one,
    else the surer one. A value moves with its provenance.
    """
    taken = [field for field in fields if _is_better(kept, merged, field)]
    for field in taken:
        setattr(kept, field, getattr(merged, field))
        stamp = read_stamp(merged, field)
        kept.provenance = {**(kept.provenance or {}), field: stamp}
    kept.source = kept.source or merged.source
    kept.created_at = min(kept.created_at, merged.created_at)
    kept.enriched_at = max(filter(None, (kept.enriched_at, merged.enriched_at)), default=None)
    kept.updated_at = now
    return taken


def read_stamp(row: Company | Contact, field: str) -> dict[str, Any]:
    """Where a field is from; a row of before provenance stands for itself."""
    known = (row.provenance or {}).get(field)
    if known:
        return dict(known)
    return {
        "source": row.source or f"row {row.id}",
        "at": row.created_at.isoformat(),
        "confidence": 0.5,
    }


def _is_better(kept: Company | Contact, merged: Company | Contact, field: str) -> bool:
    theirs, ours = getattr(merged, field), getattr(kept, field)
    if theirs in (None, "") or theirs == ours:
        return False
    return ours in (None, "") or _weigh(merged, field) > _weigh(kept, field)


def _weigh(row: Company | Contact, field: str) -> tuple[bool, float, str]:
    stamp = read_stamp(row, field)
    is_person = stamp.get("source") == PERSON
    sure = 1.0 if is_person else float(stamp.get("confidence", 0.0))
    return is_person, sure, str(stamp.get("at", ""))
