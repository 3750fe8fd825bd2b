"""Read from the database what a send depends on, in the transaction that claims it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.outreach import Campaign, Mailbox, Touch
from graphs.sales.data.people import Contact
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Event
from graphs.sales.mailing.guard import Facts
from graphs.sales.mailing.limits import ANY_TIME, Limits, read_timezone, read_window

if TYPE_CHECKING:
    from graphs.sales.mailing.outbox import Settings


async def read_facts(
    session: AsyncSession, touch: Touch, mailbox: Mailbox, settings: Settings, salt: str
) -> Facts:
    """Everything that the guard asks."""
    campaign = await session.get(Campaign, touch.campaign_id) if touch.campaign_id else None
    contact = await session.get(Contact, touch.contact_id) if touch.contact_id else None
    policy: dict[str, Any] = (campaign.policy or {}) if campaign else {}
    in_campaign = campaign is not None
    kinds = await _list_kinds(session, touch) if in_campaign else set()
    found = await find_suppression(session, touch.recipient, salt, touch.campaign_id)
    return Facts(
        recipient=touch.recipient,
        subject=touch.subject,
        text=touch.text,
        suppressed=found.reason if found else None,
        campaign_paused=bool(campaign and campaign.paused_at),
        replied="replied" in kinds,
        company_replied=in_campaign
        and bool(policy.get("stop_company_on_reply"))
        and await _has_company_replied(session, contact),
        bounced=bool(kinds & {"bounced"}) or bool(contact and contact.email_status == "invalid"),
        unsubscribed="unsubscribed" in kinds,
        mailbox_paused=(mailbox.pause_reason or "paused") if mailbox.paused_at else None,
        needs_approval=in_campaign
        and bool(settings.needs_approval or policy.get("require_approval")),
        approved=touch.approved_by is not None,
        score=contact.score if contact else None,
        min_score=policy.get("min_score"),
        consent_missing=in_campaign and _lacks_consent(contact, settings),
        needs_footer=in_campaign,
        postal_address=settings.postal_address,
        merged=bool(contact and contact.merged_into),
    )


async def read_limits(
    session: AsyncSession, touch: Touch, mailbox: Mailbox, now: datetime
) -> Limits:
    """What the mailbox has sent, and the recipient's hours; an answer goes out at any hour.

    Raises:
        InvalidWindow: the mailbox's window or a timezone cannot be read.
    """
    contact = await session.get(Contact, touch.contact_id) if touch.contact_id else None
    home = read_timezone(mailbox.timezone)
    midnight = datetime.combine(now.astimezone(home).date(), time(), home)
    # Those under way count: they were let through, and will have been sent.
    today = or_(
        Touch.sent_at >= midnight,
        Touch.handed_at >= midnight,
        and_(Touch.state == "claimed", Touch.updated_at >= midnight),
    )
    counts = select(func.count(Touch.id)).where(
        Touch.mailbox_id == mailbox.id, Touch.id != touch.id, today
    )
    return Limits(
        window=read_window(mailbox.window or {}) if touch.campaign_id else ANY_TIME,
        timezone=read_timezone((contact.timezone if contact else None) or mailbox.timezone),
        mailbox_timezone=home,
        daily_cap=mailbox.daily_cap,
        sent_today=int(await session.scalar(counts) or 0),
        last_send_at=mailbox.last_send_at,
        min_gap_seconds=mailbox.min_gap_seconds,
        jitter_seconds=mailbox.jitter_seconds,
        token=touch.id,
        is_holiday=make_calendar(contact.country if contact and touch.campaign_id else None),
    )


def make_calendar(country: str | None) -> Callable[[date], bool]:
    """Whether a day is a public holiday in a country (ISO 3166); no country has none."""
    if not country:
        return lambda day: False
    import holidays

    try:
        days = holidays.country_holidays(country.upper())
    except NotImplementedError:
        return lambda day: False
    return lambda day: day in days


async def _list_kinds(session: AsyncSession, touch: Touch) -> set[str]:
    """What happened to the contact that ends a campaign; a soft bounce does not."""
    query = select(Event.kind, Event.data).where(
        Event.contact_id == touch.contact_id,
        Event.kind.in_(("replied", "unsubscribed", "bounced", "complained")),
    )
    found = await session.execute(query)
    ends = {kind for kind, data in found if kind != "bounced" or data.get("class") == "hard"}
    return ends | ({"unsubscribed"} if "complained" in ends else set())


async def _has_company_replied(session: AsyncSession, contact: Contact | None) -> bool:
    if contact is None or contact.company_id is None:
        return False
    colleagues = select(Contact.id).where(Contact.company_id == contact.company_id)
    query = select(Event.id).where(Event.kind == "replied", Event.contact_id.in_(colleagues))
    return await session.scalar(query.limit(1)) is not None


def _lacks_consent(contact: Contact | None, settings: Settings) -> bool:
    country = (contact.country or "").upper() if contact else ""
    return bool(contact and country in settings.consent_countries and not contact.consent)
