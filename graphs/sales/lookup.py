"""People, companies and products as mails need them, read from the database by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data import Database
from graphs.sales.data.outreach import Campaign, Product
from graphs.sales.data.people import Company, Contact, Fact
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Event, Opportunity, Touch

_NOTES = 5


async def find_contact(
    database: Database, contact_id: str, campaign_id: str | None = None
) -> dict[str, Any] | None:
    """The contact as `graphs.sales.drafts` and `eligibility` read one, or None.

    Keys: id, name, email, title, country, language, consent, company_id, score, and `suppressed`,
    `unsubscribed`, `bounced`, `replied`.
    """
    salt = await database.read_salt()
    async with database.read() as session:
        row = await session.get(Contact, contact_id)
        if row is not None and row.merged_into:
            row = await session.get(Contact, row.merged_into)
        if row is None:
            return None
        found = None
        if row.email:
            found = await find_suppression(session, row.email, salt, campaign_id)
        kinds = await _list_kinds(session, row.id)
        return {
            "id": row.id,
            "name": row.name,
            "email": row.email or "",
            "title": row.title or "",
            "country": row.country or "",
            "language": row.language or "",
            "consent": row.consent,
            "company_id": row.company_id,
            "score": row.score,
            "suppressed": found is not None,
            "unsubscribed": "unsubscribed" in kinds,
            "bounced": "bounced" in kinds or row.email_status == "invalid",
            "replied": "replied" in kinds,
        }


async def find_company(database: Database, company_id: str | None) -> dict[str, Any] | None:
    """The company with its newest `signals` and `problems` as notes, or None."""
    if not company_id:
        return None
    async with database.read() as session:
        row = await session.get(Company, company_id)
        if row is not None and row.merged_into:
            row = await session.get(Company, row.merged_into)
        if row is None:
            return None
        return {
            "id": row.id,
            "name": row.name,
            "industry": row.industry or "",
            "website": row.website or "",
            "size": row.size or "",
            "signals": await _list_notes(session, row.id, "signal"),
            "problems": await _list_notes(session, row.id, "problem"),
        }


async def find_product(database: Database, product_id: str | None) -> dict[str, Any] | None:
    """name, value_proposition and facts of a product, or None."""
    if not product_id:
        return None
    async with database.read() as session:
        row = await session.get(Product, product_id)
    if row is None:
        return None
    return {"name": row.name, "value_proposition": row.value_proposition, "facts": row.facts}


async def find_campaign_product(database: Database, campaign_id: str | None) -> str | None:
    """The product that a campaign is about."""
    if not campaign_id:
        return None
    async with database.read() as session:
        row = await session.get(Campaign, campaign_id)
    return row.product_id if row else None


async def find_opportunity(database: Database, opportunity_id: str) -> dict[str, Any] | None:
    """The opportunity with its contact and company, as email_opportunity reads one, or None."""
    async with database.read() as session:
        row = await session.get(Opportunity, opportunity_id)
        if row is None:
            return None
        last = select(Touch).where(Touch.contact_id == row.contact_id, Touch.state == "sent")
        touch = await session.scalar(last.order_by(Touch.sent_at.desc()).limit(1))
    contact = await find_contact(database, row.contact_id) if row.contact_id else None
    data: Mapping[str, Any] = row.data or {}
    return {
        "stage": row.stage,
        "next_step": row.next_step or "",
        "blockers": list(data.get("blockers") or []),
        "contact": contact,
        "company": await find_company(database, row.company_id),
        "last_message_id": data.get("last_message_id") or (touch.message_id if touch else ""),
        "last_subject": data.get("last_subject") or (touch.subject if touch else ""),
    }


def lay_over(context: Mapping[str, Any], product: Mapping[str, Any] | None) -> dict[str, Any]:
    """A runtime context whose product is this one; facts of both, the product's first."""
    if product is None:
        return dict(context)
    facts = {**(context.get("facts") or {}), **(product.get("facts") or {})}
    given = {
        "product": product.get("name"),
        "value_proposition": product.get("value_proposition"),
        "facts": facts,
    }
    return {**context, **{key: value for key, value in given.items() if value}}


async def _list_kinds(session: AsyncSession, contact_id: str) -> set[str]:
    query = select(Event.kind, Event.data).where(Event.contact_id == contact_id)
    rows = await session.execute(query)
    return {kind for kind, data in rows if kind != "bounced" or data.get("class") == "hard"}


async def _list_notes(session: AsyncSession, company_id: str, kind: str) -> list[str]:
    query = select(Fact).where(Fact.company_id == company_id, Fact.kind == kind)
    rows = await session.scalars(query.order_by(Fact.found_at.desc()).limit(_NOTES))
    notes = (row.value.get("note") or row.value.get(kind) or row.evidence for row in rows)
    return [str(note) for note in notes if note]
