"""A campaign's rows: those that are there, or made of what a caller sent inline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from graphs.sales.data import Database
from graphs.sales.data.ids import normalise_address
from graphs.sales.data.once import insert_once
from graphs.sales.data.outreach import Campaign
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import PERSON, set_field
from graphs.sales.data.suppression import suppress_address
from graphs.sales.drafts import read_company, read_person


async def enrol(
    database: Database,
    campaign_id: str,
    contact_id: str,
    contact: Mapping[str, Any] | None,
    company: object,
    now: datetime,
) -> None:
    """Campaign and contact exist afterwards; what is there by its id stays as it is.

    Raises:
        ValueError: the contact is not known and none was sent, or its address is another's.
    """
    salt = await database.read_salt()
    async with database.begin() as session:
        known = await session.get(Contact, contact_id)
        if known is None and not contact:
            raise ValueError(
                f"No contact {contact_id} is in the database: load it first, or send contact "
                "inline, an object with name, email and title."
            )
        await insert_once(
            session, Campaign, id=campaign_id, name=campaign_id, policy={}, created_at=now
        )
        if known is not None or not contact:
            return
        person = read_person(contact)
        address = normalise_address(person.get("email", ""))
        other = await session.scalar(select(Contact.id).where(Contact.email == address))
        if address and other is not None:
            raise ValueError(f"That address belongs to contact {other}: send its id.")
        row = Contact(
            id=contact_id, email=address or None, source="inline", created_at=now, updated_at=now
        )
        session.add(row)
        facts = read_company(company) or read_company(person.get("company"))
        row.company_id = await _find_or_make(session, facts, now)
        for field in ("name", "title", "country"):
            set_field(row, field, person.get(field), source=PERSON, now=now)
        if address and (contact.get("suppressed") or contact.get("unsubscribed")):
            await suppress_address(session, address, salt, reason="manual", now=now)
        if contact.get("bounced"):
            row.email_status = "invalid"
        if contact.get("consent"):
            row.consent = {"told": contact["consent"], "at": now.isoformat()}


async def _find_or_make(session: Any, facts: Mapping[str, Any], now: datetime) -> str | None:
    name = facts.get("name")
    if not name:
        return None
    found = await session.scalar(select(Company.id).where(Company.name == name).limit(1))
    if found is not None:
        return str(found)
    row = Company(name=name, source="inline", created_at=now, updated_at=now)
    session.add(row)
    for field in ("industry", "website", "size"):
        set_field(row, field, facts.get(field), source=PERSON, now=now)
    await session.flush()
    return row.id
