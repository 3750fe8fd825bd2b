"""What became of contacts, from the events of the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.learn_scores_graph.training import Outcome
from graphs.sales.data.tables import Company, Contact, Event, Fact, Message
from graphs.sales.scoring.features import make_features
from graphs.sales.scoring.fit import InvalidProfile, judge_fit
from graphs.sales.scoring.records import (
    describe_company,
    describe_contact,
    read_departments,
    read_icp,
)

_KINDS = ("sent", "replied", "unsubscribed", "complained", "bounced", "meeting", "won")
_GOOD_EVENTS = frozenset({"meeting", "won"})
_GOOD_LABELS = frozenset({"interested", "info_request", "referral"})
_CHUNK = 400
# The oldest are left out: what was learned from more would be no better, only slower.
_MOST_CONTACTS = 50_000


async def read_examples(
    session: AsyncSession,
    now: datetime,
    since: datetime | None,
    product_id: str,
    wait_days: int,
) -> list[Outcome]:
    """Contacts that were written to and had time to answer, or did.

    The features are those of today's rows; nothing that a contact did is among them.

    Raises:
        ValueError: there is no such product, or its profile cannot be read.
    """
    icp = await read_icp(session, product_id)
    if product_id and icp is None:
        raise ValueError(f"No product {product_id} is in the database; send product_id.")
    events = await _list_events(session)
    labels = await _list_labels(session, events)
    outcomes = {
        contact_id: judge_events(known, labels, now, timedelta(days=wait_days), since)
        for contact_id, known in events.items()
    }
    settled = {key: good for key, good in outcomes.items() if good is not None}
    chosen = sorted(settled)[-_MOST_CONTACTS:]
    features = await _list_features(session, chosen, icp, now)
    return [Outcome(key, features[key], settled[key]) for key in chosen if key in features]


def judge_events(
    events: Sequence[Event],
    labels: Mapping[str, str],
    now: datetime,
    wait: timedelta,
    since: datetime | None,
) -> bool | None:
    """Whether it came out well; None where nobody can tell yet, or nothing reached the contact.

    A reply counts by its label; one that nobody labelled counts as good, since most who want
    nothing do not write.
    """
    sent = [event.at for event in events if event.kind == "sent"]
    if not sent or (since is not None and min(sent) < since):
        return None
    kinds = {event.kind for event in events}
    if kinds & _GOOD_EVENTS:
        return True
    replies = [labels.get(str(e.data.get("message"))) for e in events if e.kind == "replied"]
    if any(label is None or label in _GOOD_LABELS for label in replies):
        return True
    if replies or kinds & {"unsubscribed", "complained"}:
        return False
    if any(e.kind == "bounced" and e.data.get("class") == "hard" for e in events):
        return None
    return False if now - min(sent) >= wait else None


async def _list_events(session: AsyncSession) -> dict[str, list[Event]]:
    query = select(Event).where(Event.kind.in_(_KINDS), Event.contact_id.is_not(None))
    found: dict[str, list[Event]] = defaultdict(list)
    async for event in await session.stream_scalars(query.order_by(Event.at)):
        found[str(event.contact_id)].append(event)
    return found


async def _list_labels(
    session: AsyncSession, events: Mapping[str, Iterable[Event]]
) -> dict[str, str]:
    """Message id -> label, of the replies that have one."""
    ids = [str(e.data.get("message")) for known in events.values() for e in known if e.data]
    labels: dict[str, str] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(Message.id, Message.label).where(Message.id.in_(ids[start : start + _CHUNK]))
        labels.update({key: label for key, label in await session.execute(query) if label})
    return labels


async def _list_features(
    session: AsyncSession,
    contact_ids: Sequence[str],
    icp: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, dict[str, float]]:
    """Of the contacts that are still there."""
    features: dict[str, dict[str, float]] = {}
    for start in range(0, len(contact_ids), _CHUNK):
        chunk = contact_ids[start : start + _CHUNK]
        contacts = list(await session.scalars(select(Contact).where(Contact.id.in_(chunk))))
        companies = await _list_companies(session, {c.company_id for c in contacts})
        for contact in contacts:
            company = companies.get(contact.company_id or "")
            features[contact.id] = make_features(
                describe_contact(contact),
                company,
                fit=_find_fit(company, icp),
                departments=read_departments(icp),
                now=now,
            )
    return features


async def _list_companies(
    session: AsyncSession, ids: Iterable[str | None]
) -> dict[str, dict[str, Any]]:
    wanted = [key for key in ids if key]
    facts: dict[str, list[Fact]] = defaultdict(list)
    for fact in await session.scalars(select(Fact).where(Fact.company_id.in_(wanted))):
        facts[fact.company_id].append(fact)
    rows = await session.scalars(select(Company).where(Company.id.in_(wanted)))
    return {row.id: describe_company(row, facts[row.id]) for row in rows}


def _find_fit(company: Mapping[str, Any] | None, icp: Mapping[str, Any] | None) -> float | None:
    if not company or not icp:
        return None
    try:
        return judge_fit(company, icp).fit
    except InvalidProfile as error:
        raise ValueError(str(error)) from None
