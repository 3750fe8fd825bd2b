"""The company of a person of a list: found by domain or name, or new."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once
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


async def find_company(session: AsyncSession, entry: Entry) -> Company | None:
    """By the domain that the list names, else by name, else by the domain of the address."""
    if entry.domain and (found := await _find_by_domain(session, entry.domain)):
        return found
    if entry.company:
        named = select(Company).where(
            func.lower(Company.name) == entry.company.lower(), Company.merged_into.is_(None)
        )
        several = (await session.scalars(named.limit(2))).all()
        is_other = bool(several and entry.domain and several[0].domain)
        if len(several) == 1 and not is_other:
            return several[0]
    domain = read_mail_domain(entry.email)
    return await _find_by_domain(session, domain) if domain and not entry.domain else None


async def make_company(
    session: AsyncSession, entry: Entry, source: str, now: datetime
) -> Company | None:
    """The company as the list has it, or None where it says nothing of one.

    One that another process made in the meantime is that one.
    """
    domain = entry.domain or read_mail_domain(entry.email)
    name = entry.company or domain
    if not name:
        return None
    values: dict[str, Any] = {
        "id": make_id(), "name": name, "domain": domain, "source": source[:200], "provenance": {},
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    if not await insert_once(session, Company, **values) and domain:
        return await _find_by_domain(session, domain)
    company = await session.get_one(Company, values["id"])
    said = {"name": entry.company, "domain": entry.domain}
    for field, value in said.items():
        set_field(company, field, value, source=PERSON, now=now, origin=source)
    if domain and not entry.domain:
        set_field(company, "domain", domain, source="mail address", now=now, confidence=0.8)
    return company


async def _find_by_domain(session: AsyncSession, domain: str) -> Company | None:
    """The company, or the one that it was merged into."""
    found = await session.scalar(select(Company).where(Company.domain == domain))
    seen: set[str] = set()
    while found is not None and found.merged_into and found.id not in seen:
        seen.add(found.id)
        found = await session.get(Company, found.merged_into) or found
    return found
