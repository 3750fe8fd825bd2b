"""Somebody wants no more mail: from this transaction on there is none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.happenings import record_event
from graphs.sales.data.ids import hash_address, normalise_address
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Contact
from graphs.sales.data.suppression import ALL, suppress_address


async def opt_out(
    session: AsyncSession,
    address: str,
    contact_id: str | None,
    salt: str,
    now: datetime,
    *,
    source: str,
    scope: str = ALL,
) -> bool:
    """Suppress the address and the contact's own, and cancel what is planned; whether it is new.

    Somebody may write from another address than the one we wrote to: both are suppressed.
    """
    contact = await _find(session, address, contact_id)
    addresses = {
        normalise_address(address),
        *([contact.email] if contact and contact.email else []),
    }
    is_new = False
    for each in sorted(addresses - {""}):
        is_new |= await suppress_address(
            session, each, salt, reason="unsubscribed", now=now, source=source, scope=scope
        )
    who = contact.id if contact else None
    name = who or hash_address(address, salt)[:32]
    campaign_id = None if scope == ALL else scope
    await record_event(
        session,
        f"unsubscribed:{scope}:{name}",
        "unsubscribed" if scope == ALL else "unsubscribed_campaign",
        now=now,
        contact_id=who,
        campaign_id=campaign_id,
    )
    if who is not None:
        await _cancel(session, who, campaign_id, now)
    return is_new


async def _find(session: AsyncSession, address: str, contact_id: str | None) -> Contact | None:
    """Who wrote; links in older mails may name a duplicate that was merged since."""
    if contact_id is not None:
        found = await session.get(Contact, contact_id)
    else:
        same = select(Contact).where(Contact.email == normalise_address(address))
        found = await session.scalar(same)
    if found is not None and found.merged_into:
        return await session.get(Contact, found.merged_into)
    return found


async def _cancel(
    session: AsyncSession, contact_id: str, campaign_id: str | None, now: datetime
) -> None:
    planned = update(Touch).where(Touch.contact_id == contact_id, Touch.state == "planned")
    if campaign_id is not None:
        planned = planned.where(Touch.campaign_id == campaign_id)
    await session.execute(planned.values(state="cancelled", error="Unsubscribed", updated_at=now))
