"""Companies and contacts of the database, as fit and scores look at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.tables import Company, Contact, Event, Fact, Product

TECHNOLOGY, SIGNAL, PROBLEM = "tech", "signal", "problem"
_NEVER = {
    "unsubscribed": "Asked for no more mail",
    "complained": "Complained of a mail",
    "bounced": "Mail to the address bounces",
}


async def read_company(session: AsyncSession, company_id: str | None) -> dict[str, Any] | None:
    """The company as `judge_fit` and `make_features` take one; the row that it was merged into."""
    row = await session.get(Company, company_id) if company_id else None
    if row is not None and row.merged_into:
        row = await session.get(Company, row.merged_into)
    if row is None:
        return None
    facts = await session.scalars(select(Fact).where(Fact.company_id == row.id))
    return describe_company(row, list(facts))


def describe_company(row: Company, facts: Iterable[Fact]) -> dict[str, Any]:
    """The same of rows that are read already."""
    known = list(facts)
    return {
        "id": row.id,
        "name": row.name,
        "industry": row.industry,
        "category": row.category,
        "country": row.country,
        "employees": row.employees,
        "description": row.description,
        "technologies": [str(f.value.get("name") or "") for f in known if f.kind == TECHNOLOGY],
        "signals": [fact.found_at for fact in known if fact.kind == SIGNAL],
        "problems": [fact.found_at for fact in known if fact.kind == PROBLEM],
    }


def describe_contact(row: Contact) -> dict[str, Any]:
    """A contact as `make_features` takes one."""
    return {
        "name": row.name,
        "email": row.email,
        "email_status": row.email_status,
        "title": row.title,
        "department": row.department,
        "authority_score": row.authority_score,
        "enriched_at": row.enriched_at,
    }


async def read_icp(session: AsyncSession, product_id: str | None) -> Mapping[str, Any] | None:
    """The ideal customer of a product; None where there is no such product."""
    row = await session.get(Product, product_id) if product_id else None
    return None if row is None else dict(row.icp or {})


async def find_never(session: AsyncSession, contact: Contact) -> str | None:
    """Why nobody should write to this contact, or None."""
    if not contact.email:
        return "Has no address"
    if contact.email_status == "invalid":
        return "The address does not exist"
    query = select(Event).where(Event.contact_id == contact.id, Event.kind.in_(_NEVER))
    for event in await session.scalars(query.order_by(Event.at)):
        if event.kind != "bounced" or event.data.get("class") == "hard":
            return _NEVER[event.kind]
    return None


def read_departments(icp: Mapping[str, Any] | None) -> frozenset[str]:
    """The departments that buy, as the profile of a product names them."""
    named = (icp or {}).get("departments") or []
    return (
        frozenset(str(each).lower() for each in named) if isinstance(named, list) else frozenset()
    )
