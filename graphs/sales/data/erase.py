"""Erase a person everywhere (GDPR Art. 17), and keep only that nobody may write to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CursorResult, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.database import Database
from graphs.sales.data.history import Event, Message, Opportunity
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Company, Contact, Fact, Review
from graphs.sales.data.suppression import make_person_keys, suppress_address, suppress_person


@dataclass(frozen=True)
class Erasure:
    """What went. `threads` are those of the person's runs: their checkpoints hold the person's
    words, and whoever called this has to delete them through the router.

    `mentions` are mails of other people in which the person's address stands: they are theirs, and
    a person has to look at them.
    """

    contact_id: str
    messages: int
    touches: int
    facts: int
    threads: tuple[str, ...]
    mentions: tuple[str, ...]
    suppressed: bool


@dataclass(frozen=True)
class _Traces:
    """By what a person is found in texts; all of it in lower case."""

    ids: Sequence[str]
    companies: Sequence[str]
    addresses: Sequence[str]
    words: Sequence[str]


async def erase_contact(database: Database, contact_id: str, now: datetime) -> Erasure:
    """Remove the contact, its mails and touches, also those to its address alone, and facts of its
    company that name it. Events stay, without the person.

    Of a duplicate that was merged the row that took its place goes too, and every other one. What
    stays are keyed hashes of address, profile, and name at the company: nobody stores or writes to
    this person again.

    Raises:
        LookupError: there is no such contact.
    """
    salt = await database.read_salt()
    async with database.begin() as session:
        contact = await session.get(Contact, contact_id)
        if contact is None:
            raise LookupError(f"no contact {contact_id}")
        ids = await _list_duplicates(session, contact.merged_into or contact_id)
        rows = [await session.get_one(Contact, each) for each in ids]
        threads = await _list_threads(session, ids)
        suppressed = await _suppress(session, rows, salt, now)
        traces = _find_traces(rows)
        facts = await _remove_facts(session, traces)
        messages, touches = await _remove(session, traces)
        mentions = await _list_mentions(session, traces.addresses)
    return Erasure(contact_id, messages, touches, facts, threads, mentions, suppressed)


async def _suppress(
    session: AsyncSession, rows: Sequence[Contact], salt: str, now: datetime
) -> bool:
    """Whether one of the addresses was not suppressed before."""
    is_new = False
    for row in rows:
        if row.email:
            is_new |= await suppress_address(
                session, row.email, salt, reason="erased", now=now, source="erase"
            )
        company = await session.get(Company, row.company_id) if row.company_id else None
        places = [company.domain or "", company.name] if company else []
        keys = make_person_keys(
            salt, name=row.name, profile_url=row.profile_url or "", companies=places
        )
        await suppress_person(session, keys, now=now, source="erase")
    return is_new


def _find_traces(rows: Sequence[Contact]) -> _Traces:
    """A name of one word is no trace: it would be found in texts about others."""
    addresses = {row.email.lower() for row in rows if row.email}
    names = {row.name.casefold() for row in rows if " " in row.name.strip()}
    others = {each.casefold() for row in rows for each in (row.phone, row.profile_url) if each}
    return _Traces(
        ids=[row.id for row in rows],
        companies=sorted({row.company_id for row in rows if row.company_id}),
        addresses=sorted(addresses),
        words=sorted(addresses | names | others),
    )


async def _remove_facts(session: AsyncSession, traces: _Traces) -> int:
    """Facts of the person's company whose value, source or evidence names them."""
    found = []
    for fact in await session.scalars(select(Fact).where(Fact.company_id.in_(traces.companies))):
        value = json.dumps(fact.value, ensure_ascii=False)
        text = " ".join([value, fact.source or "", fact.evidence or ""]).casefold()
        if any(word in text for word in traces.words):
            found.append(fact.id)
    for fact_id in found:
        await session.execute(delete(Fact).where(Fact.id == fact_id))
    return len(found)


async def _list_mentions(session: AsyncSession, addresses: Sequence[str]) -> tuple[str, ...]:
    if not addresses:
        return ()
    naming = [Message.raw.icontains(each, autoescape=True) for each in addresses]
    query = select(Message.id).where(or_(*naming)).order_by(Message.id)
    return tuple(await session.scalars(query))


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


async def _remove(session: AsyncSession, traces: _Traces) -> tuple[int, int]:
    """Messages and touches removed; deals, events and reviews no longer know the person."""
    ids = traces.ids
    deals = update(Opportunity).where(Opportunity.contact_id.in_(ids))
    nothing = {"contact_id": None, "message_id": None, "next_step": None, "owner_task": None}
    await session.execute(deals.values(**nothing, data={}))
    await session.execute(update(Event).where(Event.contact_id.in_(ids)).values(contact_id=None))
    # Mails that were sent to the address alone, and mails from it that were matched to nobody.
    to_them = and_(Touch.contact_id.is_(None), Touch.recipient.in_(traces.addresses))
    theirs = or_(Touch.contact_id.in_(ids), to_them)
    unmatched = [
        and_(Message.contact_id.is_(None), Message.raw.icontains(each, autoescape=True))
        for each in traces.addresses
    ]
    touches = select(Touch.id).where(theirs)
    of_them = or_(Message.contact_id.in_(ids), Message.touch_id.in_(touches), *unmatched)
    gone = select(Message.id).where(of_them)
    kept = update(Opportunity).where(Opportunity.message_id.in_(gone))
    await session.execute(kept.values(message_id=None))
    messages = await session.execute(delete(Message).where(of_them))
    sent = await session.execute(delete(Touch).where(theirs))
    pairs = or_(Review.left_id.in_(ids), Review.right_id.in_(ids))
    await session.execute(delete(Review).where(pairs))
    await session.execute(delete(Contact).where(Contact.id.in_(ids)))
    return _count(messages), _count(sent)


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
