"""What a bounce or a complaint makes of a contact and of a mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.outreach import Mailbox, Touch
from graphs.sales.data.people import Contact
from graphs.sales.data.suppression import Reason, suppress_address
from graphs.sales.data.tables import Event, Message
from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.reports import BounceClass, Report

Action = Literal["suppressed", "retried", "mailbox_paused", "none"]

# A mailbox that is full for a month is one that nobody empties.
MOST_SOFT = 3
_SOFT_WINDOW = timedelta(days=30)
_DONE = "processed"


@dataclass(frozen=True)
class Processed:
    """One report. `contact_id` is None where it is about nobody we know."""

    message_id: str
    contact_id: str | None
    campaign_id: str | None
    recipient: str | None
    status_code: str | None
    bounce_class: BounceClass
    action: Action


async def process(database: Database, message_id: str, now: datetime) -> Processed | None:
    """Act on a stored report, once; None when the mail is no report.

    Raises:
        LookupError: there is no such mail.
    """
    salt = await database.read_salt()
    async with database.begin() as session:
        row = await session.get(Message, message_id)
        if row is None:
            raise LookupError(f"no message {message_id}")
        report = sort_arrival(row.raw.encode(), now).report
        if report is None:
            return None
        touch = await session.get(Touch, row.touch_id) if row.touch_id else None
        contact = await session.get(Contact, row.contact_id) if row.contact_id else None
        if report.bounce_class != "complaint":
            contact = await _find_owner(session, contact, touch)
        soft = report.bounce_class == "soft" and await _is_one_too_many(session, contact, row, now)
        action = _plan(report, contact, touch, soft)
        if row.label != _DONE:
            await _act(session, row, report, touch, contact, action, salt, now)
            row.label = _DONE
    # The address as we know it: reports name what it was forwarded to.
    address = (touch.recipient if touch else None) or report.recipient
    return Processed(
        message_id,
        row.contact_id,
        row.campaign_id,
        address,
        report.status,
        report.bounce_class,
        action,
    )


async def list_waiting(database: Database, mailbox_id: str, limit: int) -> list[str]:
    """Reports that came into a mailbox and were not acted on, oldest first."""
    query = (
        select(Message.id)
        .where(
            Message.mailbox_id == mailbox_id,
            Message.kind.in_(("bounce", "complaint")),
            Message.label.is_(None),
        )
        .order_by(Message.at)
        .limit(limit)
    )
    async with database.read() as session:
        return list(await session.scalars(query))


async def _find_owner(
    session: AsyncSession, contact: Contact | None, touch: Touch | None
) -> Contact | None:
    """Whose address bounced: of two rows that were merged it is the one that was written to."""
    if contact is None or touch is None or touch.recipient in ("", contact.email):
        return contact
    owner = await session.scalar(select(Contact).where(Contact.email == touch.recipient))
    return owner or contact


def _plan(
    report: Report, contact: Contact | None, touch: Touch | None, one_too_many: bool
) -> Action:
    if contact is None and touch is None:
        return "none"
    if report.bounce_class in ("hard", "complaint") or one_too_many:
        return "suppressed"
    return "mailbox_paused" if report.bounce_class == "block" else "retried"


async def _act(
    session: AsyncSession,
    row: Message,
    report: Report,
    touch: Touch | None,
    contact: Contact | None,
    action: Action,
    salt: str,
    now: datetime,
) -> None:
    kind = "complained" if report.bounce_class == "complaint" else "bounced"
    told = "hard" if action == "suppressed" else report.bounce_class
    await record_event(
        session,
        f"{kind}:{row.id}",
        kind,
        now=now,
        contact_id=contact.id if contact else row.contact_id,
        campaign_id=row.campaign_id,
        touch_id=row.touch_id,
        status=report.status,
        **{"class": told},
    )
    if action == "suppressed":
        reason: Reason = "complained" if kind == "complained" else "bounced"
        address = (contact.email if contact else None) or (touch.recipient if touch else None)
        if address:
            source = f"mail:{row.id}"
            await suppress_address(session, address, salt, reason=reason, now=now, source=source)
        if contact is not None and kind == "bounced":
            contact.email_status, contact.updated_at = "invalid", now
    if action == "mailbox_paused" and touch is not None and touch.mailbox_id:
        mailbox = await session.get_one(Mailbox, touch.mailbox_id)
        mailbox.paused_at = mailbox.paused_at or now
        mailbox.pause_reason = (
            f"A receiver blocks this mailbox ({report.status or 'no code'}): look into its "
            "reputation, then clear paused_at."
        )


async def _is_one_too_many(
    session: AsyncSession, contact: Contact | None, row: Message, now: datetime
) -> bool:
    """Whether this is the third soft bounce of the contact within a month."""
    if contact is None:
        return False
    earlier = select(func.count()).select_from(Event).where(
        Event.contact_id == contact.id,
        Event.kind == "bounced",
        Event.at >= now - _SOFT_WINDOW,
        Event.key != f"bounced:{row.id}",
    )  # fmt: skip
    return int(await session.scalar(earlier) or 0) >= MOST_SOFT - 1
