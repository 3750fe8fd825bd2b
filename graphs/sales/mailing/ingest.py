"""Fetch what came into a mailbox, match it to what we sent, and store it once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data import Database, make_id
from graphs.sales.data.happenings import record_event
from graphs.sales.data.once import insert_once
from graphs.sales.data.outreach import Mailbox, Touch
from graphs.sales.data.people import Contact
from graphs.sales.data.tables import Message
from graphs.sales.mailing.arrivals import Arrival, sort_arrival
from graphs.sales.mailing.imap import Place, fetch_new
from graphs.sales.mailing.optout import opt_out
from graphs.sales.mailing.smtp import read_account
from graphs.sales.spans import count

INBOX = "INBOX"


@dataclass(frozen=True)
class Match:
    """To what a mail belongs, and by what: references, token, or address, which is weak."""

    by: str
    touch_id: str | None = None
    contact_id: str | None = None
    campaign_id: str | None = None


@dataclass(frozen=True)
class Stored:
    """A mail that is in the database now. `is_new`: it was not before. `label` is the row's."""

    id: str
    arrival: Arrival
    match: Match | None
    is_new: bool
    label: str | None = None


@dataclass(frozen=True)
class Ingested:
    """What one look at a mailbox brought."""

    mails: Sequence[Stored]
    last_uid: int


async def ingest(
    database: Database,
    mailbox_id: str,
    limit: int,
    now: datetime,
    environment: Mapping[str, str] = os.environ,
) -> Ingested:
    """Read at most `limit` new mails. A crash at any moment loses and doubles nothing.

    Raises:
        LookupError: there is no such mailbox.
        InvalidMailbox, MailboxUnreachable: it cannot be read.
    """
    async with database.read() as session:
        mailbox = await session.get(Mailbox, mailbox_id)
    if mailbox is None:
        raise LookupError(f"no mailbox {mailbox_id}")
    account = read_account(mailbox, "imap", environment)
    folder = str(mailbox.imap.get("folder") or INBOX)
    known = (mailbox.folders or {}).get(folder) or {}
    place = Place(int(known.get("uid_validity", 0)), int(known.get("last_uid", 0)))
    batch = await fetch_new(account, folder, place, limit)
    stored = [
        await store(database, mailbox_id, sort_arrival(each.raw, now), now) for each in batch.mails
    ]
    async with database.begin() as session:
        row = await session.get_one(Mailbox, mailbox_id, with_for_update=True)
        after = {"uid_validity": batch.place.uid_validity, "last_uid": batch.place.last_uid}
        row.folders = {**(row.folders or {}), folder: after}
    return Ingested(stored, batch.place.last_uid)


async def store(
    database: Database, mailbox_id: str | None, arrival: Arrival, now: datetime
) -> Stored:
    """One mail with what follows from it, in one transaction; a second time changes nothing."""
    salt = await database.read_salt()
    async with database.begin() as session:
        found = await find_match(session, arrival)
        match = found or Match("nothing")
        is_new = await insert_once(
            session,
            Message,
            id=make_id(),
            key=arrival.key,
            direction="in",
            kind=arrival.kind,
            mailbox_id=mailbox_id,
            contact_id=match.contact_id,
            campaign_id=match.campaign_id,
            touch_id=match.touch_id,
            message_id=arrival.message_id,
            in_reply_to=arrival.in_reply_to,
            references=list(arrival.ids),
            matched_by=match.by,
            subject=arrival.subject,
            raw=arrival.raw,
            label=arrival.label if found else None,
            at=now,
        )
        row = (await session.scalars(select(Message).where(Message.key == arrival.key))).one()
        if is_new:
            await _follow(session, row.id, arrival, found, salt, now)
    if is_new:
        count("mail.replies", outcome=arrival.kind)
    return Stored(row.id, arrival, found, is_new, row.label)


async def find_match(session: AsyncSession, arrival: Arrival) -> Match | None:
    """Our own mail that this one answers or reports on."""
    touches = select(Touch).where(Touch.message_id.in_(arrival.ids)) if arrival.ids else None
    if touches is not None:
        known = {touch.message_id: touch for touch in await session.scalars(touches)}
        for each in arrival.ids:
            if each in known:
                return _make_match("references", known[each])
    if arrival.token:
        touch = await session.scalar(select(Touch).where(Touch.token == arrival.token))
        if touch is not None:
            return _make_match("token", touch)
    if arrival.kind in ("bounce", "complaint"):
        return await _match_address(session, arrival.report.recipient if arrival.report else None)
    return await _match_address(session, arrival.sender)


def _make_match(by: str, touch: Touch) -> Match:
    return Match(by, touch.id, touch.contact_id, touch.campaign_id)


async def _match_address(session: AsyncSession, address: str | None) -> Match | None:
    """Somebody we wrote to, by the address alone."""
    if not address:
        return None
    same = select(Contact.id, Contact.merged_into).where(Contact.email == address.lower())
    row = (await session.execute(same)).first()
    if row is None:
        return None
    sent = (
        select(Touch)
        .where(Touch.contact_id == (row[1] or row[0]), Touch.state.in_(("sent", "unknown")))
        .order_by(Touch.updated_at.desc())
        .limit(1)
    )
    touch = await session.scalar(sent)
    return _make_match("address", touch) if touch else None


async def _follow(
    session: AsyncSession,
    message_id: str,
    arrival: Arrival,
    match: Match | None,
    salt: str,
    now: datetime,
) -> None:
    """The event; and who wants no more mail gets none, from this moment on."""
    if arrival.kind == "unsubscribe":
        contact_id = match.contact_id if match else None
        await opt_out(session, arrival.sender, contact_id, salt, now, source=f"mail:{message_id}")
        return
    if match is None or match.contact_id is None:
        return
    kinds = {"auto_reply": "auto_replied", "reply": "replied"}
    if arrival.kind in kinds:
        kind = kinds[arrival.kind]
        await record_event(
            session,
            f"{kind}:{message_id}",
            kind,
            now=now,
            contact_id=match.contact_id,
            campaign_id=match.campaign_id,
            touch_id=match.touch_id,
            message=message_id,
            weak=match.by == "address",
            until=arrival.until.isoformat() if arrival.until else None,
        )
