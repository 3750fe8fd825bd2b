"""What happened to a contact since the last touch: told by the caller, or in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from graphs.campaign_graph.policy import find_stop_reason
from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.people import Contact
from graphs.sales.data.suppression import Reason, find_suppression, suppress_address
from graphs.sales.data.tables import Event

_REASONS = {
    "unsubscribed": "Unsubscribed",
    "complained": "Unsubscribed",
    "bounced": "Bounced",
    "replied": "Replied",
}
_KINDS = {"Unsubscribed": "unsubscribed", "Bounced": "bounced", "Replied": "replied"}


@dataclass(frozen=True)
class News:
    """`stop_reason` ends the campaign; `away_until` is what an automatic reply said."""

    stop_reason: str | None = None
    away_until: datetime | None = None


async def record_news(
    database: Database,
    campaign_id: str,
    contact_id: str,
    event: Mapping[str, Any],
    now: datetime,
) -> None:
    """Store what a caller told by resuming the thread, so that every other campaign knows it."""
    reason = find_stop_reason(event)
    if reason is None:
        return
    kind = _KINDS[reason]
    digest = hashlib.sha256(repr(sorted(event.items(), key=str)).encode()).hexdigest()[:24]
    key = f"{kind}:{campaign_id}.{contact_id}.{digest}"
    salt = await database.read_salt()
    async with database.begin() as session:
        data = {"class": "hard"} if kind == "bounced" else {}
        who = {"contact_id": contact_id, "campaign_id": campaign_id}
        await record_event(session, key, kind, now=now, **who, told=True, **data)
        contact = await session.get(Contact, contact_id)
        if contact is not None and contact.email and kind in ("unsubscribed", "bounced"):
            why: Reason = "unsubscribed" if kind == "unsubscribed" else "bounced"
            await suppress_address(session, contact.email, salt, reason=why, now=now, source=key)


async def read_news(database: Database, contact_id: str, now: datetime) -> News:
    """What the database knows, of whatever campaign it came from."""
    salt = await database.read_salt()
    async with database.read() as session:
        query = select(Event).where(Event.contact_id == contact_id).order_by(Event.at)
        events = (await session.scalars(query)).all()
        contact = await session.get(Contact, contact_id)
        suppressed = None
        if contact is not None and contact.email:
            suppressed = await find_suppression(session, contact.email, salt)
    ends = [
        _REASONS[event.kind]
        for event in events
        if event.kind in _REASONS and (event.kind != "bounced" or event.data.get("class") == "hard")
    ]
    first = next((reason for reason in _REASONS.values() if reason in ends), None)
    return News(first or ("Suppressed" if suppressed else None), _find_return(events, now))


def _find_return(events: Any, now: datetime) -> datetime | None:
    """The latest day that an automatic reply named, if it is still to come."""
    days = [
        datetime.fromisoformat(event.data["until"])
        for event in events
        if event.kind == "auto_replied" and event.data.get("until")
    ]
    coming = [day for day in days if day > now]
    return max(coming) if coming else None
