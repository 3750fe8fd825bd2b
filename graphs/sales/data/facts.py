"""Keep what was found out about a company: the same thing found again is the same row."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Fact


def make_digest(name: str) -> str:
    """What tells facts of one kind apart, from what one is called in any case and spacing."""
    return hashlib.sha256(" ".join(name.lower().split()).encode()).hexdigest()[:32]


async def keep_fact(
    session: AsyncSession,
    company_id: str,
    kind: str,
    name: str,
    value: Mapping[str, Any],
    *,
    source: str,
    evidence: str,
    confidence: float,
    now: datetime,
) -> bool:
    """Store a fact under what it is called; whether it is new. One that is there is renewed."""
    digest = make_digest(name)
    told = {"source": source, "evidence": evidence, "confidence": confidence}
    found = {**told, "value": dict(value), "found_at": now}
    key = {"company_id": company_id, "kind": kind, "digest": digest}
    if await insert_once(session, Fact, id=make_id(), **key, **found):
        return True
    same = select(Fact).filter_by(**key)
    row = await session.scalar(same.with_for_update())
    if row is not None:
        for field, given in found.items():
            setattr(row, field, given)
    return False


async def drop_facts(
    session: AsyncSession,
    company_id: str,
    kind: str,
    keep: Collection[str],
    source: str | None = None,
) -> None:
    """Remove the facts of a kind that were not found again; `keep` names those that were.

    `source` limits it to what was found there.
    """
    digests = [make_digest(name) for name in keep]
    gone = delete(Fact).where(Fact.company_id == company_id, Fact.kind == kind)
    if digests:
        gone = gone.where(Fact.digest.not_in(digests))
    if source is not None:
        gone = gone.where(Fact.source == source)
    await session.execute(gone)
