"""What is known about an address: the domain name system, and what mail to it came to."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.email_verify_graph.judging import Dns
from graphs.sales.data.history import Event
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Contact
from graphs.sales.data.suppression import find_suppression
from graphs.sales.dns import LookupFailed, list_addresses, list_mail_exchanges

NAME = "email_verify"
# A bounce comes within hours; servers try for up to five days (RFC 5321, 4.5.4.1).
_QUIET = timedelta(days=5)
_MOST_SERVERS = 5


async def ask_dns(domain: str) -> tuple[Dns, list[str]]:
    """What the domain's records say, and its mail servers, best first."""
    try:
        exchanges = await list_mail_exchanges(domain)
        hosts = [each.host for each in exchanges if each.host]
        if exchanges and not hosts:
            return "null_mx", []
        if not hosts:
            return ("address", [domain]) if await list_addresses(domain) else ("none", [])
        for host in hosts[:_MOST_SERVERS]:
            if await list_addresses(host):
                return "mx", hosts
    except LookupFailed:
        return "failed", []
    return "no_server", hosts


async def has_bounced(session: AsyncSession, contact: Contact, salt: str) -> bool:
    """Whether a mail server refused the contact's address for good."""
    stamp = (contact.provenance or {}).get("email_status", {})
    if contact.email_status == "invalid" and stamp.get("source") != NAME:
        return True
    suppression = await find_suppression(session, contact.email or "", salt)
    if suppression is not None and suppression.reason == "bounced":
        return True
    bounces = select(Event.data).where(Event.contact_id == contact.id, Event.kind == "bounced")
    return any(data.get("class") == "hard" for data in await session.scalars(bounces))


async def has_replied(session: AsyncSession, contact: Contact) -> bool:
    """Whether a person answered from the address; a match by address alone is enough for that."""
    replies = select(Event.id).where(Event.contact_id == contact.id, Event.kind == "replied")
    return await session.scalar(replies.limit(1)) is not None


async def was_delivered(session: AsyncSession, contact: Contact, now: datetime) -> bool:
    """Whether a mail went there long enough ago for a bounce to have come back."""
    sent = select(Touch.id).where(
        Touch.contact_id == contact.id,
        Touch.recipient == contact.email,
        Touch.state == "sent",
        Touch.sent_at < now - _QUIET,
    )
    return await session.scalar(sent.limit(1)) is not None


async def is_refusing_strangers(session: AsyncSession, contact: Contact, domain: str) -> bool:
    """Whether the domain bounced mail to a colleague that it does not have (5.1.x).

    It does not take mail for everybody then.
    """
    if contact.company_id is None:
        return False
    bounces = (
        select(Event.data)
        .join(Contact, Contact.id == Event.contact_id)
        .where(
            Contact.company_id == contact.company_id,
            func.lower(Contact.email).endswith(f"@{domain}", autoescape=True),
            Event.kind == "bounced",
        )
    )
    found = await session.scalars(bounces)
    return any(str(data.get("status") or "").startswith("5.1.") for data in found)
