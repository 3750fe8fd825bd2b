"""The company of a person of a list: its domains, and a new row. Pure."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from graphs.sales.data.ids import make_id
from graphs.sales.data.people import Company
from graphs.sales.data.provenance import PERSON, set_field
from graphs.sales.lists.entries import Entry
from graphs.sales.web.urls import find_site

# Domains whose addresses say nothing about where somebody works.
FREE_MAIL = frozenset(Path(__file__).with_name("free_mail.txt").read_text(encoding="utf-8").split())


def read_mail_domain(address: str | None) -> str | None:
    """The company's domain in an address, or None for one of a free mail provider."""
    domain = find_site((address or "").rpartition("@")[2])
    return domain if domain and domain not in FREE_MAIL else None


def make_company(entry: Entry, source: str, now: datetime) -> Company | None:
    """The company as the list has it, or None where it says nothing of one."""
    domain = entry.domain or read_mail_domain(entry.email)
    name = entry.company or domain
    if not name:
        return None
    company = Company(
        id=make_id(), name=name, domain=domain, source=source[:200], provenance={},
        created_at=now, updated_at=now,
    )  # fmt: skip
    said = {"name": entry.company, "domain": entry.domain}
    for field, value in said.items():
        set_field(company, field, value, source=PERSON, now=now, origin=source)
    if domain and not entry.domain:
        set_field(company, "domain", domain, source="mail address", now=now, confidence=0.8)
    return company
