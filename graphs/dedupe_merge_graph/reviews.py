"""Pairs that a person decides: proposed once, decided for good, and kept when rows are merged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.dedupe_merge_graph.pairing import Pair
from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Review

Entity = Literal["contact", "company"]
Ids = tuple[str, str]


def sort_ids(one: str, other: str) -> Ids:
    """The two as a review has them: the smaller one on the left."""
    return (one, other) if one < other else (other, one)


async def read_states(session: AsyncSession, entity: Entity) -> dict[Ids, str]:
    """Every pair that was proposed or decided, and where it stands."""
    query = select(Review.left_id, Review.right_id, Review.state).where(Review.entity == entity)
    return {(left, right): state for left, right, state in (await session.execute(query))}


async def read_state(session: AsyncSession, entity: Entity, one: str, other: str) -> str | None:
    """open, same, different; None where nobody asked yet."""
    row = await _find(session, entity, sort_ids(one, other))
    return row.state if row else None


async def propose(
    session: AsyncSession, entity: Entity, pairs: Iterable[Pair], now: datetime
) -> None:
    """Leave pairs for a person; one that is there already stays as it is."""
    for pair in pairs:
        left, right = sort_ids(pair.left_id, pair.right_id)
        await insert_once(
            session,
            Review,
            id=make_id(),
            entity=entity,
            left_id=left,
            right_id=right,
            score=pair.likeness.score,
            reason=pair.likeness.reason,
            state="open",
            created_at=now,
        )


async def decide(
    session: AsyncSession, entity: Entity, one: str, other: str, same: bool, now: datetime
) -> None:
    """Note what a person said of a pair."""
    left, right = sort_ids(one, other)
    state = "same" if same else "different"
    values = {"entity": entity, "left_id": left, "right_id": right, "state": state}
    more = {"score": 1.0, "reason": "A person said so.", "created_at": now}
    if not await insert_once(session, Review, id=make_id(), **values, **more):
        row = await _find(session, entity, (left, right))
        if row is not None:
            row.state = state


async def carry_over(session: AsyncSession, entity: Entity, kept_id: str, merged_id: str) -> None:
    """What was said of the merged row is said of the kept one; "different" wins over the rest."""
    either = or_(Review.left_id == merged_id, Review.right_id == merged_id)
    rows = await session.scalars(select(Review).where(Review.entity == entity, either))
    for row in rows.all():
        third = row.right_id if row.left_id == merged_id else row.left_id
        if third == kept_id:
            row.state = "same"
            continue
        left, right = sort_ids(kept_id, third)
        known = await _find(session, entity, (left, right))
        if known is None:
            row.left_id, row.right_id = left, right
        else:
            known.state = "different" if "different" in (known.state, row.state) else known.state
            await session.delete(row)
        await session.flush()


async def _find(session: AsyncSession, entity: Entity, ids: Ids) -> Review | None:
    found: Review | None = await session.scalar(
        select(Review).where(
            Review.entity == entity, Review.left_id == ids[0], Review.right_id == ids[1]
        )
    )
    return found
