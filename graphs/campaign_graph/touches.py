"""A campaign's touches in the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.campaign_graph.state import Touch as Noted
from graphs.sales.data import Database
from graphs.sales.data.outreach import Campaign, Touch
from graphs.sales.data.people import Contact
from graphs.sales.drafts import to_html
from graphs.sales.mailing.outbox import Plan, plan_touch
from graphs.sales.mailing.sending import Sending
from graphs.sales.mailing.sending import send_touch as send_now
from graphs.sales.mailing.settings import read_links, read_settings
from graphs.sales.mailing.smtp import InvalidMailbox

Draft = dict[str, Any]


async def read_campaign(database: Database, campaign_id: str) -> Campaign:
    """The campaign's row."""
    async with database.read() as session:
        return await session.get_one(Campaign, campaign_id)


async def show(
    database: Database, campaign_id: str, contact_id: str, touch_no: int
) -> Draft | None:
    """The touch as it stands in the outbox, or None."""
    async with database.read() as session:
        touch = await _find(session, campaign_id, contact_id, touch_no)
    return _make_draft(touch) if touch else None


async def plan_draft(
    database: Database,
    campaign_id: str,
    contact_id: str,
    touch_no: int,
    draft: Mapping[str, Any],
    earlier: Sequence[Noted],
    now: datetime,
) -> Draft:
    """Put a draft into the outbox; one that is there already wins."""
    campaign = await read_campaign(database, campaign_id)
    async with database.read() as session:
        contact = await session.get_one(Contact, contact_id)
    references = [each["message_id"] for each in earlier if each["message_id"]]
    plan = Plan(
        key=f"{campaign_id}.{contact_id}.{touch_no}",
        recipient=contact.email or "",
        subject=str(draft["subject"]),
        text=str(draft["text"]),
        html=str(draft["html"]),
        mailbox_id=campaign.mailbox_id,
        campaign_id=campaign_id,
        contact_id=contact_id,
        touch_no=touch_no,
        template=str(draft.get("template") or f"touch-{touch_no}"),
        in_reply_to=references[-1] if references else None,
        references=references,
    )
    return _make_draft(await plan_touch(database, plan, now))


def draft_is_due(draft: Mapping[str, Any], needs_approval: bool) -> bool:
    """Whether a person has to look at it first."""
    return needs_approval and not draft.get("approved_by") and draft.get("state") == "planned"


async def approve(
    database: Database,
    campaign_id: str,
    contact_id: str,
    touch_no: int,
    answer: Mapping[str, Any],
    now: datetime,
) -> Draft:
    """Note who approved it, and the words that took the place of the draft's."""
    async with database.begin() as session:
        touch = await _find(session, campaign_id, contact_id, touch_no)
        if touch is None:
            raise RuntimeError("a touch is approved after it was planned only")
        touch.approved_by, touch.updated_at = str(answer.get("by") or "caller")[:200], now
        if answer.get("subject"):
            touch.subject = " ".join(str(answer["subject"]).split())
        if answer.get("text"):
            touch.text = str(answer["text"])
            touch.html = to_html(touch.text)
        return _make_draft(touch)


async def cancel(
    database: Database, campaign_id: str, contact_id: str, reason: str, now: datetime
) -> None:
    """What was planned and not sent will not be."""
    planned = update(Touch).where(
        Touch.campaign_id == campaign_id, Touch.contact_id == contact_id, Touch.state == "planned"
    )
    async with database.begin() as session:
        await session.execute(planned.values(state="cancelled", error=reason, updated_at=now))


async def send(
    database: Database,
    campaign_id: str,
    contact_id: str,
    touch_no: int,
    context: Mapping[str, Any],
    now: datetime,
) -> tuple[Noted, Sending | None]:
    """One attempt. A campaign without a mailbox leaves the touch planned, and goes on.

    Raises:
        ValueError: the mailbox cannot be used as it is set up.
    """
    campaign = await read_campaign(database, campaign_id)
    async with database.begin() as session:
        touch = await _find(session, campaign_id, contact_id, touch_no)
        if touch is None:
            raise RuntimeError("a touch is sent after it was planned only")
        touch.mailbox_id = touch.mailbox_id or campaign.mailbox_id
    if touch.mailbox_id is None:
        return _note(touch, "planned", now), None
    try:
        settings, links = read_settings(context), read_links(context)
        sending = await send_now(database, touch.id, settings, now, links)
    except (InvalidMailbox, LookupError) as error:
        raise ValueError(str(error.args[0])) from None
    is_out = sending.status in ("sent", "duplicate")
    noted = _note(touch, "sent" if is_out else sending.status, now)
    return {**noted, "message_id": sending.message_id or ""}, sending


async def _find(
    session: AsyncSession, campaign_id: str, contact_id: str, touch_no: int
) -> Touch | None:
    key = f"{campaign_id}.{contact_id}.{touch_no}"
    found: Touch | None = await session.scalar(select(Touch).where(Touch.key == key))
    return found


def _make_draft(touch: Touch) -> Draft:
    names = ("subject", "text", "html", "state", "approved_by")
    return {name: getattr(touch, name) for name in names}


def _note(touch: Touch, status: str, now: datetime) -> Noted:
    return {
        "touch_no": touch.touch_no or 0,
        "message_id": touch.message_id or "",
        "subject": touch.subject,
        "status": status,
        "at": now.isoformat(),
    }
