"""Each field of a company or a contact says where it is from (GDPR Art. 14 asks for it)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from graphs.sales.data.people import Company, Contact

# What a person typed or uploaded is not replaced by what a program found.
PERSON = "person"


def set_field(
    row: Company | Contact,
    field: str,
    value: Any,
    *,
    source: str,
    now: datetime,
    confidence: float = 1.0,
    origin: str | None = None,
) -> bool:
    """Set a field with its provenance; whether it was set.

    Empty values set nothing. A value of lower confidence does not replace one of a higher, unless
    it is from the same source, which looked again; and nothing but a person replaces what a person
    said. `source` is `person`, a URL, or the name of the rule that found it; `origin` is where a
    person has it from, such as the name of a list.
    """
    if value is None or value == "":
        return False
    known = (row.provenance or {}).get(field)
    if known and getattr(row, field) not in (None, ""):
        is_own = known.get("source") == source
        is_surer = known.get("confidence", 0.0) > confidence or known.get("source") == PERSON
        if is_surer and not is_own and source != PERSON:
            return False
    changed = bool(getattr(row, field) != value)
    setattr(row, field, value)
    stamp = {"source": source, "at": now.isoformat(), "confidence": round(confidence, 3)}
    if origin:
        stamp["origin"] = origin
    row.provenance = {**(row.provenance or {}), field: stamp}
    row.updated_at = now
    return changed
