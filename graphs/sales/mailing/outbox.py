"""The outbox: a touch is planned, claimed, handed over, and finished, each step in the database.

A process that dies between two steps leaves a row that says how far it came. Before `handed` the
mail cannot have gone out, and the touch is free again when its lease ends; after it nobody knows,
and the touch is `unknown` until the mailbox or a person tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data import Database, make_id
from graphs.sales.data.happenings import record_event
from graphs.sales.data.once import insert_once
from graphs.sales.data.outreach import Mailbox, Touch
from graphs.sales.data.tables import Message
from graphs.sales.mailing.circumstances import read_facts, read_limits
from graphs.sales.mailing.guard import find_refusal
from graphs.sales.mailing.limits import plan_send
from graphs.sales.mailing.mime import make_message_id
from graphs.sales.mailing.tokens import make_envelope_token

# Longer than every timeout of one SMTP conversation together.
LEASE = timedelta(minutes=5)

Status = Literal[
    "claimed", "sent", "duplicate", "suppressed", "deferred", "held", "failed", "unknown"
]


@dataclass(frozen=True)
class Plan:
    """A mail that is to be sent once. `key` is what makes it the same mail when asked for again."""

    key: str
    recipient: str
    subject: str
    text: str
    html: str = ""
    mailbox_id: str | None = None
    campaign_id: str | None = None
    contact_id: str | None = None
    touch_no: int | None = None
    template: str | None = None
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    approved_by: str | None = None


@dataclass(frozen=True)
class Settings:
    """What the graph's context says about the touches of campaigns."""

    postal_address: str = ""
    needs_approval: bool = False
    consent_countries: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Claim:
    """The right to send a touch, or what keeps from it. `retry_at` says when to come back."""

    status: Status
    touch: Touch
    mailbox: Mailbox | None = None
    reason: str | None = None
    message: str = ""
    retry_at: datetime | None = None


async def plan_touch(database: Database, plan: Plan, now: datetime) -> Touch:
    """The touch of this key; the first call makes it, and later ones change nothing."""
    async with database.begin() as session:
        await insert_once(
            session,
            Touch,
            id=make_id(),
            key=plan.key,
            campaign_id=plan.campaign_id,
            contact_id=plan.contact_id,
            touch_no=plan.touch_no,
            recipient=plan.recipient,
            mailbox_id=plan.mailbox_id,
            state="planned",
            subject=plan.subject,
            text=plan.text,
            html=plan.html,
            template=plan.template,
            in_reply_to=plan.in_reply_to,
            references=list(plan.references),
            approved_by=plan.approved_by,
            attempts=0,
            fence=0,
            created_at=now,
            updated_at=now,
        )
        return (await session.scalars(select(Touch).where(Touch.key == plan.key))).one()


async def claim_touch(
    database: Database, touch_id: str, settings: Settings, now: datetime
) -> Claim:
    """Take the touch, if it is free and nothing forbids it; all of that in one transaction.

    The mailbox's row is locked first, so that caps and gaps hold over all pods.

    Raises:
        LookupError: there is no such touch, or it has no mailbox.
    """
    salt = await database.read_salt()
    async with database.begin() as session:
        touch = await session.get(Touch, touch_id)
        if touch is None:
            raise LookupError(f"no touch {touch_id}")
        if touch.mailbox_id is None:
            raise LookupError(f"touch {touch_id} has no mailbox: name one in the campaign")
        mailbox = await session.get_one(Mailbox, touch.mailbox_id, with_for_update=True)
        touch = await session.get_one(Touch, touch_id, with_for_update=True, populate_existing=True)
        return await _claim(session, touch, mailbox, settings, salt, now)


async def _claim(
    session: AsyncSession,
    touch: Touch,
    mailbox: Mailbox,
    settings: Settings,
    salt: str,
    now: datetime,
) -> Claim:
    ended = _read_end(touch, now)
    if ended is not None:
        return ended
    refusal = find_refusal(await read_facts(session, touch, mailbox, settings, salt))
    if refusal is not None:
        touch.error, touch.updated_at = refusal.reason, now
        if refusal.verdict == "hold":
            return Claim("held", touch, mailbox, refusal.reason, refusal.message)
        touch.state = "cancelled"
        return Claim("suppressed", touch, mailbox, refusal.reason, refusal.message)
    plan = plan_send(now, await read_limits(session, touch, mailbox, now))
    if plan.at > now:
        touch.state, touch.retry_at, touch.error = "planned", plan.at, plan.why
        touch.updated_at = now
        return Claim("deferred", touch, mailbox, plan.why, "", plan.at)
    _take(touch, mailbox, now)
    return Claim("claimed", touch, mailbox)


def _read_end(touch: Touch, now: datetime) -> Claim | None:
    """Why an earlier attempt leaves nothing to do now; a dead one's claim is undone."""
    if touch.state == "claimed" and touch.lease_until and touch.lease_until > now:
        return Claim("deferred", touch, None, "InProgress", "", touch.lease_until)
    if touch.state == "claimed" and touch.handed_at is not None:
        touch.state, touch.error, touch.updated_at = "unknown", "LostAfterHandover", now
    if touch.state == "sent":
        return Claim("duplicate", touch)
    if touch.state == "unknown":
        return Claim("unknown", touch, None, touch.error or "Unknown")
    if touch.state == "cancelled":
        return Claim("suppressed", touch, None, touch.error)
    if touch.state == "failed":
        return Claim("failed", touch, None, touch.error)
    if touch.state == "planned" and touch.retry_at and touch.retry_at > now:
        return Claim("deferred", touch, None, touch.error or "Retry", "", touch.retry_at)
    return None


def _take(touch: Touch, mailbox: Mailbox, now: datetime) -> None:
    domain = mailbox.address.rpartition("@")[2]
    if touch.message_id is None:
        touch.message_id = make_message_id(
            touch.campaign_id or "mail",
            touch.contact_id or touch.id,
            touch.touch_no or 0,
            1,
            domain,
        )
    touch.token = touch.token or make_envelope_token()
    touch.state, touch.fence, touch.attempts = "claimed", touch.fence + 1, touch.attempts + 1
    touch.lease_until, touch.retry_at, touch.error = now + LEASE, None, None
    touch.updated_at = mailbox.last_send_at = now


async def hand_over(database: Database, claim: Claim, now: datetime) -> bool:
    """Note that the mail goes over the wire next. False: the claim is somebody else's by now."""
    return await _update(database, claim.touch, "claimed", handed_at=now, updated_at=now)


async def release(
    database: Database,
    claim: Claim,
    now: datetime,
    *,
    reason: str,
    code: int | None,
    retry_at: datetime,
) -> bool:
    """Nothing was sent, and it is worth another try later."""
    values = {"state": "planned", "error": reason, "smtp_code": code, "retry_at": retry_at}
    more = {"lease_until": None, "handed_at": None, "updated_at": now}
    return await _update(database, claim.touch, "claimed", **values, **more)


async def fail(
    database: Database,
    claim: Claim,
    now: datetime,
    *,
    state: Literal["failed", "unknown"],
    reason: str,
    code: int | None,
) -> bool:
    """It will not be tried again by itself: refused for good, or nobody knows."""
    values = {"state": state, "error": reason, "smtp_code": code, "lease_until": None}
    return await _update(database, claim.touch, "claimed", **values, updated_at=now)


async def finish(
    database: Database, touch: Touch, state: str, now: datetime, code: int | None
) -> bool:
    """The mail is out: the touch, its message and the event, in one transaction.

    `state` is the one it is in now: `claimed`, or `unknown` when it is told later.
    """
    async with database.begin() as session:
        sent = {"state": "sent", "sent_at": now, "smtp_code": code, "lease_until": None}
        if not await _set(session, touch, state, error=None, updated_at=now, **sent):
            return False
        await insert_once(
            session,
            Message,
            id=make_id(),
            key=touch.message_id,
            direction="out",
            kind="touch" if touch.campaign_id else "answer",
            mailbox_id=touch.mailbox_id,
            contact_id=touch.contact_id,
            campaign_id=touch.campaign_id,
            touch_id=touch.id,
            message_id=touch.message_id,
            in_reply_to=touch.in_reply_to,
            references=touch.references,
            subject=touch.subject,
            raw="",
            at=now,
        )
        await record_event(
            session,
            f"sent:{touch.id}",
            "sent",
            now=now,
            contact_id=touch.contact_id,
            campaign_id=touch.campaign_id,
            touch_id=touch.id,
            touch_no=touch.touch_no,
            template=touch.template,
        )
        return True


async def forget_attempt(database: Database, touch: Touch, now: datetime) -> bool:
    """An unknown touch that certainly did not go out is planned again."""
    values = {"state": "planned", "error": None, "handed_at": None, "retry_at": None}
    return await _update(database, touch, "unknown", **values, updated_at=now)


async def _update(database: Database, touch: Touch, was: str, /, **values: object) -> bool:
    async with database.begin() as session:
        return await _set(session, touch, was, **values)


async def _set(session: AsyncSession, touch: Touch, was: str, /, **values: object) -> bool:
    """Only the newest claim may write: the fence says whose it is."""
    ours = update(Touch).where(Touch.id == touch.id, Touch.fence == touch.fence, Touch.state == was)
    done = await session.execute(ours.values(**values))
    return isinstance(done, CursorResult) and done.rowcount == 1
