"""Two contacts become one, with the mails, events and suppressions of both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.dedupe_merge_graph.fields import CONTACT_FIELDS, take_fields
from graphs.sales.data.history import Event, Message, Opportunity, Suppression
from graphs.sales.data.ids import hash_address, make_id
from graphs.sales.data.once import insert_once
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Contact

# What an address did, and not whoever has it: the other address may be a good one.
_OF_ADDRESSES = "bounced"


class MailUnderWay(RuntimeError):
    """A mail to one of them is being sent now; they are merged the next time."""


async def lock_touches(session: AsyncSession, ids: Sequence[str], now: datetime) -> None:
    """Hold the touches of these contacts: whoever sends one locks it before its contact, as here.

    Raises:
        MailUnderWay: one of them is claimed.
    """
    rows = select(Touch).where(Touch.contact_id.in_(ids)).order_by(Touch.id).with_for_update()
    for touch in await session.scalars(rows):
        if touch.state == "claimed" and touch.lease_until and touch.lease_until > now:
            raise MailUnderWay


async def choose_kept(session: AsyncSession, rows: Sequence[Contact]) -> tuple[Contact, Contact]:
    """(kept, merged): the one with a good address, then with more mails, then the older one.

    The address is never moved, so that nobody's hash and nobody's bounces are mixed up.
    """
    sent = select(Touch.contact_id, func.count()).where(
        Touch.contact_id.in_([row.id for row in rows]), Touch.state.in_(("sent", "unknown"))
    )
    counts: dict[str | None, int] = dict(
        (await session.execute(sent.group_by(Touch.contact_id))).all()
    )
    first, second = sorted(
        rows,
        key=lambda row: (
            not row.email,
            row.email_status == "invalid",
            -counts.get(row.id, 0),
            row.created_at,
            row.id,
        ),
    )
    return first, second


async def merge_contact(
    session: AsyncSession, kept: Contact, merged: Contact, salt: str, now: datetime
) -> list[str]:
    """Make them one; the campaigns of `merged` that have to hear of it."""
    take_fields(kept, merged, CONTACT_FIELDS, now)
    kept.company_id = kept.company_id or merged.company_id
    kept.consent = kept.consent or merged.consent
    if kept.score is None:
        kept.score, kept.tier, kept.score_version = merged.score, merged.tier, merged.score_version
    merged.merged_into, merged.updated_at = kept.id, now
    await session.flush()
    flat = update(Contact).where(Contact.merged_into == merged.id)
    await session.execute(flat.values(merged_into=kept.id))
    await _share_suppressions(session, kept, merged, salt, now)
    campaigns = await _cancel_planned(session, merged.id, now)
    await _move_touches(session, kept.id, merged.id, now)
    await move_history(session, kept.id, merged.id)
    return campaigns


async def move_history(session: AsyncSession, kept_id: str, merged_id: str) -> None:
    """What was written and what happened. Bounces stay with the row whose address they are of."""
    for table in (Message, Opportunity):
        moved = update(table).where(table.contact_id == merged_id)
        await session.execute(moved.values(contact_id=kept_id))
    happened = and_(Event.contact_id == merged_id, Event.kind != _OF_ADDRESSES)
    await session.execute(update(Event).where(happened).values(contact_id=kept_id))


async def settle_late(session: AsyncSession) -> None:
    """Move what was recorded for a merged row by somebody who had read it just before."""
    late = (
        select(Contact.id, Contact.merged_into)
        .join(Event, Event.contact_id == Contact.id)
        .where(Contact.merged_into.is_not(None), Event.kind != _OF_ADDRESSES)
        .distinct()
    )
    for merged_id, kept_id in (await session.execute(late)).all():
        await move_history(session, str(kept_id), merged_id)


async def _share_suppressions(
    session: AsyncSession, kept: Contact, merged: Contact, salt: str, now: datetime
) -> None:
    """Who asked at one address for no more mail gets none at the other."""
    pairs = [(kept.email, merged.email), (merged.email, kept.email)]
    for source, target in pairs:
        if not source or not target:
            continue
        asked = select(Suppression).where(
            Suppression.kind == "address",
            Suppression.value == hash_address(source, salt),
            Suppression.reason != _OF_ADDRESSES,
        )
        for row in (await session.scalars(asked)).all():
            await insert_once(
                session,
                Suppression,
                id=make_id(),
                kind="address",
                value=hash_address(target, salt),
                scope=row.scope,
                reason=row.reason,
                source=f"merge:{row.id}",
                created_at=now,
            )


async def _cancel_planned(session: AsyncSession, merged_id: str, now: datetime) -> list[str]:
    """What was planned for the duplicate is not sent; the campaigns it was in."""
    campaigns = select(Touch.campaign_id).where(Touch.contact_id == merged_id).distinct()
    found = [each for each in await session.scalars(campaigns) if each]
    planned = update(Touch).where(Touch.contact_id == merged_id, Touch.state == "planned")
    await session.execute(planned.values(state="cancelled", error="Merged", updated_at=now))
    return found


async def _move_touches(session: AsyncSession, kept_id: str, merged_id: str, now: datetime) -> None:
    """Replies to them are the kept one's. Where both got the same touch the second loses its number

    and keeps its key: a campaign counts a number once per contact.
    """
    numbers: Any = select(Touch.campaign_id, Touch.touch_no).where(Touch.contact_id == kept_id)
    taken = {(campaign, number) for campaign, number in (await session.execute(numbers))}
    moved = select(Touch).where(Touch.contact_id == merged_id).order_by(Touch.id)
    for touch in (await session.scalars(moved)).all():
        if (touch.campaign_id, touch.touch_no) in taken:
            touch.touch_no = None
        touch.contact_id, touch.updated_at = kept_id, now
    await session.flush()
