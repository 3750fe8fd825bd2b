"""Who must not be written to: addresses by keyed hash, domains, and people who were erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.history import Suppression
from graphs.sales.data.ids import (
    hash_address,
    make_id,
    normalise_address,
    normalise_domain,
    normalise_name,
)
from graphs.sales.data.once import insert_once

ALL = "all"
# Kind and value of a suppression that is about no address.
PersonKey = tuple[str, str]
Reason = Literal["unsubscribed", "bounced", "complained", "objected", "erased", "manual"]


async def suppress_address(
    session: AsyncSession,
    address: str,
    salt: str,
    *,
    reason: Reason,
    now: datetime,
    source: str = "",
    scope: str = ALL,
) -> bool:
    """Never write to this address again; whether that is new."""
    return await insert_once(
        session,
        Suppression,
        id=make_id(),
        kind="address",
        value=hash_address(address, salt),
        scope=scope,
        reason=reason,
        source=source,
        created_at=now,
    )


async def suppress_domain(
    session: AsyncSession, domain: str, *, reason: Reason, now: datetime, source: str = ""
) -> bool:
    """Never write to anybody at this domain again; whether that is new."""
    return await insert_once(
        session,
        Suppression,
        id=make_id(),
        kind="domain",
        value=normalise_domain(domain),
        scope=ALL,
        reason=reason,
        source=source,
        created_at=now,
    )


async def suppress_person(
    session: AsyncSession, keys: Sequence[PersonKey], *, now: datetime, source: str = ""
) -> None:
    """Never store this person again, whatever address they are found with."""
    for kind, value in keys:
        await insert_once(
            session,
            Suppression,
            id=make_id(),
            kind=kind,
            value=value,
            scope=ALL,
            reason="erased",
            source=source,
            created_at=now,
        )


def make_person_keys(
    salt: str, *, name: str = "", profile_url: str = "", companies: Sequence[str] = ()
) -> Sequence[PersonKey]:
    """Keyed hashes that know somebody again without an address: profile, name at a company.

    `companies` are domains and names. Pure.
    """
    who = normalise_name(name)
    places = dict.fromkeys(" ".join(each.casefold().split()) for each in companies if each)
    named = [("person", hash_address(f"{who} @ {each}", salt)) for each in places if " " in who]
    profile = [("profile", hash_address(profile_url.rstrip("/"), salt))] if profile_url else []
    return [*profile, *named]


async def find_person(session: AsyncSession, keys: Sequence[PersonKey]) -> Suppression | None:
    """The rule that forbids to store somebody with one of these keys, or None."""
    if not keys:
        return None
    same = [and_(Suppression.kind == kind, Suppression.value == value) for kind, value in keys]
    found: Suppression | None = await session.scalar(select(Suppression).where(or_(*same)).limit(1))
    return found


async def find_suppression(
    session: AsyncSession, address: str, salt: str, campaign_id: str | None = None
) -> Suppression | None:
    """The rule that forbids writing to the address, or None; its domain's parents count too."""
    domains = _list_domains(address)
    scopes = [ALL, *([campaign_id] if campaign_id else [])]
    of_address = and_(
        Suppression.kind == "address",
        Suppression.value == hash_address(address, salt),
        Suppression.scope.in_(scopes),
    )
    of_domain = and_(Suppression.kind == "domain", Suppression.value.in_(domains))
    query = select(Suppression).where(or_(of_address, of_domain)).limit(1)
    found: Suppression | None = await session.scalar(query)
    return found


async def find_suppressions(
    session: AsyncSession, addresses: Collection[str], salt: str
) -> Mapping[str, Suppression]:
    """The rule for each of the addresses that has one, of every campaign, in one query."""
    hashes = {each: hash_address(each, salt) for each in addresses}
    domains = {each: _list_domains(each) for each in addresses}
    of_address = and_(
        Suppression.kind == "address",
        Suppression.value.in_(set(hashes.values())),
        Suppression.scope == ALL,
    )
    named = {domain for several in domains.values() for domain in several}
    of_domain = and_(Suppression.kind == "domain", Suppression.value.in_(named))
    rules = {
        rule.value: rule
        for rule in await session.scalars(select(Suppression).where(or_(of_address, of_domain)))
    }
    found = {
        each: next((rules[key] for key in (hashes[each], *domains[each]) if key in rules), None)
        for each in addresses
    }
    return {each: rule for each, rule in found.items() if rule is not None}


async def find_persons(session: AsyncSession, keys: Collection[PersonKey]) -> set[PersonKey]:
    """Those of the keys whose owners were erased, in one query."""
    if not keys:
        return set()
    kinds = {kind for kind, _ in keys}
    same = [
        and_(Suppression.kind == kind, Suppression.value.in_({v for k, v in keys if k == kind}))
        for kind in sorted(kinds)
    ]
    rows = await session.execute(select(Suppression.kind, Suppression.value).where(or_(*same)))
    return {(kind, value) for kind, value in rows}


def _list_domains(address: str) -> list[str]:
    """The domain of an address and its parents."""
    labels = normalise_domain(normalise_address(address).rpartition("@")[2]).split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]
