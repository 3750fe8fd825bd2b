"""Two companies become one, with the people, facts and opportunities of both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.dedupe_merge_graph.fields import COMPANY_FIELDS, take_fields
from graphs.sales.data.history import Event, Opportunity
from graphs.sales.data.people import Company, Contact, Fact


async def choose_kept(session: AsyncSession, rows: Sequence[Company]) -> tuple[Company, Company]:
    """(kept, merged): the one with a domain, then with more people, then the older one."""
    people = select(Contact.company_id, func.count()).where(
        Contact.company_id.in_([row.id for row in rows])
    )
    counts: dict[str | None, int] = dict(
        (await session.execute(people.group_by(Contact.company_id))).all()
    )
    first, second = sorted(
        rows,
        key=lambda row: (not row.domain, -counts.get(row.id, 0), row.created_at, row.id),
    )
    return first, second


async def merge_company(
    session: AsyncSession, kept: Company, merged: Company, now: datetime
) -> None:
    """Make them one. The domain is never moved: who looks for the other one finds the kept one."""
    take_fields(kept, merged, COMPANY_FIELDS, now)
    merged.merged_into, merged.updated_at = kept.id, now
    await session.flush()
    flat = update(Company).where(Company.merged_into == merged.id)
    await session.execute(flat.values(merged_into=kept.id))
    for table in (Contact, Opportunity, Event):
        moved = update(table).where(table.company_id == merged.id)
        await session.execute(moved.values(company_id=kept.id))
    await _move_facts(session, kept.id, merged.id)


async def _move_facts(session: AsyncSession, kept_id: str, merged_id: str) -> None:
    """Of a fact that both have the surer one stays, else the newer one."""
    query = select(Fact).where(Fact.company_id.in_((kept_id, merged_id)))
    rows = (await session.scalars(query.order_by(Fact.id))).all()
    ours = {(row.kind, row.digest): row for row in rows if row.company_id == kept_id}
    for row in [row for row in rows if row.company_id == merged_id]:
        known = ours.get((row.kind, row.digest))
        if known is not None:
            worse = min(known, row, key=lambda each: (each.confidence, each.found_at))
            await session.delete(worse)
            await session.flush()
        if known is None or worse is known:
            row.company_id = kept_id
            await session.flush()
