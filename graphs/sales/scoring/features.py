"""What a score looks at: a contact and its company as numbers from 0 to 1. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from graphs.sales.titles import read_title

_RECENT = timedelta(days=90)
_FRESH = timedelta(days=180)
_ROLES = frozenset({
    "info", "office", "contact", "sales", "support", "hello", "admin", "service", "team",
    "mail", "kontakt", "post",
})  # fmt: skip

# What the reason says when a feature speaks for a contact, and when its absence speaks against.
REASONS: Mapping[str, tuple[str, str]] = {
    "authority": ("Decides, by the title", "Decides little, by the title"),
    "right_department": ("Works in the department that buys", "Works in another department"),
    "fit": ("The company fits the product", "The company fits the product badly"),
    "address_valid": ("The address is verified", "The address is not verified"),
    "address_risky": ("The address may bounce", "The address is not risky"),
    "role_address": ("The address is a team's", "The address is a person's"),
    "signal": ("The company gave a signal lately", "No signal from the company lately"),
    "problem": ("The company has a problem that the product solves", "No problem is known"),
    "fresh": ("The data is fresh", "The data is old"),
    "named": ("The person's name is known", "The person's name is not known"),
}
FEATURES: tuple[str, ...] = tuple(REASONS)


def make_features(
    contact: Mapping[str, Any],
    company: Mapping[str, Any] | None,
    *,
    fit: float | None,
    departments: frozenset[str],
    now: datetime,
) -> dict[str, float]:
    """Every feature of `FEATURES`.

    `contact`: name, email, email_status, title, department, authority_score, enriched_at;
    `company`: signals and problems as lists of times they were found at. `fit` is that of the
    company, 0.5 where there is no product. `departments` are those that buy; none: every one.
    """
    company = company or {}
    title = read_title(str(contact.get("title") or ""))
    authority = contact.get("authority_score")
    department = str(contact.get("department") or title.department or "")
    status = str(contact.get("email_status") or "")
    local = str(contact.get("email") or "").partition("@")[0]
    enriched = contact.get("enriched_at")
    return {
        "authority": float(title.authority if authority is None else authority),
        "right_department": 0.5 if not departments or not department
        else float(department in departments),
        "fit": 0.5 if fit is None else float(fit),
        "address_valid": float(status == "valid"),
        "address_risky": float(status in ("risky", "invalid")),
        "role_address": float(local in _ROLES),
        "signal": float(any(now - at <= _RECENT for at in company.get("signals") or [])),
        "problem": float(bool(company.get("problems"))),
        "fresh": float(enriched is not None and now - enriched <= _FRESH),
        "named": float(bool(str(contact.get("name") or "").strip())),
    }  # fmt: skip
