"""Erase a person everywhere (GDPR Art. 17), and keep only that nobody may write to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.database import Database
from graphs.sales.data.history import Event, Message, Opportunity
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Contact, Review
from graphs.sales.data.suppression import suppress_address


@dataclass(frozen=True)
class Erasure:
    """What went. `threads` are those of the person's runs: their checkpoints hold the person's
    words, and whoever called this has to delete them through the router.
    """

    contact_id: str
    messages: int
    touches: int
    threads: tuple[str, ...]
    suppressed: bool


async def erase_contact(database: Database, contact_id: str, now: datetime) -> Erasure:
    """Remove the contact, its mails and touches; events stay, without the person.

    Of a duplicate that was merged the row that took its place goes too, and every other one.

    Raises:
        LookupError: there is no such contact.
    """
    salt = await database.read_salt()
    async with database.begin() as session:
        contact = await session.get(Contact, contact_id)
        if contact is None:
            raise LookupError(f"no contact {contact_id}")
        ids = await _list_duplicates(session, contact.merged_into or contact_id)
        threads = await _list_threads(session, ids)
        suppressed = False
        for row in [await session.get_one(Contact, each) for each in ids]:
            if row.email:
                suppressed |= await suppress_address(
                    session, row.email, salt, reason="erased", now=now, source="erase"
                )
        messages, touches = await _remove(session, ids)
    return Erasure(contact_id, messages, touches, threads, suppressed)


async def _list_duplicates(session: AsyncSession, contact_id: str) -> list[str]:
    """The contact, and the rows that were merged into it."""
    merged = select(Contact.id).where(Contact.merged_into == contact_id)
    return [contact_id, *(await session.scalars(merged))]


async def _list_threads(session: AsyncSession, ids: list[str]) -> tuple[str, ...]:
    touches = (await session.scalars(select(Touch).where(Touch.contact_id.in_(ids)))).all()
    pairs = {(each.campaign_id, _read_enrolled(each)) for each in touches if each.campaign_id}
    campaigns = [f"campaign-{one}-{other}" for one, other in sorted(pairs)]
    deals = select(Opportunity.id).where(Opportunity.contact_id.in_(ids))
    return (*campaigns, *(f"opp-{each}" for each in await session.scalars(deals)))


def _read_enrolled(touch: Touch) -> str:
    """The contact whose thread made the touch: its key is older than any merging."""
    name = touch.key.removeprefix(f"{touch.campaign_id}.")
    return name.rpartition(".")[0] if name != touch.key else str(touch.contact_id)


async def _remove(session: AsyncSession, ids: list[str]) -> tuple[int, int]:
    deals = update(Opportunity).where(Opportunity.contact_id.in_(ids))
    await session.execute(deals.values(contact_id=None, message_id=None, owner_task=None, data={}))
    await session.execute(update(Event).where(Event.contact_id.in_(ids)).values(contact_id=None))
    touches = select(Touch.id).where(Touch.contact_id.in_(ids))
    of_them = or_(Message.contact_id.in_(ids), Message.touch_id.in_(touches))
    messages = await session.execute(delete(Message).where(of_them))
    sent = await session.execute(delete(Touch).where(Touch.contact_id.in_(ids)))
    pairs = or_(Review.left_id.in_(ids), Review.right_id.in_(ids))
    await session.execute(delete(Review).where(pairs))
    await session.execute(delete(Contact).where(Contact.id.in_(ids)))
    return _count(messages), _count(sent)


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
