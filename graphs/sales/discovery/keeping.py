"""Companies and people that were found, into the database: each once, however often they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.history import Suppression
from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Company
from graphs.sales.data.provenance import set_field
from graphs.sales.discovery.demands import name_size
from graphs.sales.discovery.profile import Profile, Reading


async def find_company(session: AsyncSession, domains: Iterable[str]) -> Company | None:
    """The company of one of these domains, or the one that it was merged into."""
    query = select(Company).where(Company.domain.in_([each for each in domains if each]))
    found = await session.scalar(query.order_by(Company.created_at).limit(1))
    seen: set[str] = set()
    while found is not None and found.merged_into and found.id not in seen:
        seen.add(found.id)
        found = await session.get(Company, found.merged_into) or found
    return found


async def is_suppressed(session: AsyncSession, domain: str) -> bool:
    """Whether nobody at this domain, or at one above it, may be written to."""
    labels = domain.split(".")
    domains = [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]
    query = select(Suppression.id).where(
        Suppression.kind == "domain", Suppression.value.in_(domains)
    )
    return await session.scalar(query.limit(1)) is not None


async def keep_company(
    session: AsyncSession,
    profile: Profile,
    source: str,
    now: datetime,
    more: Iterable[Reading] = (),
) -> tuple[str, bool]:
    """The company's id, and whether it is new; one that is there by its domain stays as it is.

    `source` names the graph that found it; each field's own source is the page that says it.
    """
    if known := await find_company(session, [profile.domain]):
        return known.id, False
    company_id = make_id()
    is_new = await insert_once(
        session,
        Company,
        id=company_id,
        name=profile.name,
        domain=profile.domain,
        source=source,
        provenance={},
        created_at=now,
        updated_at=now,
    )
    if not is_new:
        known = await find_company(session, [profile.domain])
        assert known is not None
        return known.id, False
    company = await session.get_one(Company, company_id)
    for each in (*profile.readings, *more):
        set_field(
            company, each.field, each.value, source=profile.url, now=now, confidence=each.confidence
        )
    if profile.employees:
        size = name_size(profile.employees)
        set_field(company, "size", size, source=profile.url, now=now, confidence=0.8)
    await session.flush()
    return company_id, True
