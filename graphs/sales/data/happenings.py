"""Append what happened, once each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.history import Event
from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once


async def record_event(
    session: AsyncSession,
    key: str,
    kind: str,
    *,
    now: datetime,
    contact_id: str | None = None,
    company_id: str | None = None,
    campaign_id: str | None = None,
    touch_id: str | None = None,
    **data: Any,
) -> bool:
    """Whether the event is new. `key` names the happening, such as `sent:<touch id>`.

    `data` is kept when the contact is erased: nothing about a person belongs there.
    """
    return await insert_once(
        session,
        Event,
        id=make_id(),
        key=key,
        kind=kind,
        contact_id=contact_id,
        company_id=company_id,
        campaign_id=campaign_id,
        touch_id=touch_id,
        data=data,
        at=now,
    )
