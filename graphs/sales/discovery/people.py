"""The people of a company's site, into its contacts: each once, and nobody who must stay out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import set_field
from graphs.sales.data.suppression import (
    PersonKey,
    find_person,
    find_suppression,
    make_person_keys,
)
from graphs.sales.discovery.sites import Told
from graphs.sales.web import FoundMail, FoundPerson, find_site
from graphs.sales.web.names import make_name_key, read_name

_MOST_KNOWN = 10_000
_GUESSED = 0.5


@dataclass
class Kept:
    """What became of the people found. `by_source` counts the new ones by how they were found,
    `rejected` the others by reason.
    """

    inserted_ids: list[str] = field(default_factory=list)
    updated: int = 0
    skipped: int = 0
    by_source: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


async def keep_people(
    session: AsyncSession, company: Company, people: Sequence[Told], salt: str, now: datetime
) -> Kept:
    """Insert those that are new, fill gaps of those that are known, skip the rest.

    Somebody is known by the address, or by the name within the company, unless we know another
    address of that name: then they are two.
    """
    kept = Kept()
    known = await _list_known(session, company.id)
    for person, page in people:
        if person.email and await find_suppression(session, person.email, salt):
            kept.rejected["Suppressed"] += 1
            continue
        contact = await _find(session, person, known)
        is_new = contact is None
        if is_new and await find_person(session, _make_keys(person, company, salt)):
            kept.rejected["Erased"] += 1
            continue
        contact = contact or await _insert(session, company, person, page, now)
        if contact is None:
            kept.skipped += 1
            continue
        changed = _fill(contact, person, company, page, now)
        known.setdefault(make_name_key(person.name), []).append(contact)
        if is_new:
            kept.inserted_ids.append(contact.id)
            kept.by_source[person.how] += 1
        elif changed:
            kept.updated += 1
        else:
            kept.skipped += 1
    await session.flush()
    return kept


def _make_keys(person: FoundPerson, company: Company, salt: str) -> Sequence[PersonKey]:
    places = [company.name, company.domain or ""]
    return make_person_keys(
        salt, name=person.name, profile_url=person.profile_url, companies=places
    )


def guess_people(
    mails: Sequence[tuple[FoundMail, str]], people: Sequence[Told], domain: str
) -> list[Told]:
    """People behind addresses such as `dana.reyes@` of the company's own domain. Pure.

    The name is a guess from the address, and says so by its confidence.
    """
    taken = {person.email for person, _page in people}
    names = {make_name_key(person.name) for person, _page in people}
    guessed: list[Told] = []
    for mail, page in mails:
        local, _, host = mail.address.partition("@")
        if mail.is_role or mail.address in taken or find_site(host) != domain:
            continue
        parts = local.partition("+")[0].split(".")
        name = read_name(" ".join(part.capitalize() for part in parts)) if len(parts) == 2 else None
        if name and min(map(len, parts)) > 1 and make_name_key(name) not in names:
            person = FoundPerson(name, email=mail.address, how="address", confidence=_GUESSED)
            guessed.append((person, page))
            names.add(make_name_key(name))
    return guessed


async def _list_known(session: AsyncSession, company_id: str) -> dict[str, list[Contact]]:
    query = select(Contact).where(Contact.company_id == company_id, Contact.merged_into.is_(None))
    known: dict[str, list[Contact]] = {}
    for contact in await session.scalars(query.limit(_MOST_KNOWN)):
        known.setdefault(make_name_key(contact.name), []).append(contact)
    return known


async def _find(
    session: AsyncSession, person: FoundPerson, known: Mapping[str, Sequence[Contact]]
) -> Contact | None:
    if person.email:
        found = await session.scalar(select(Contact).where(Contact.email == person.email))
        seen: set[str] = set()
        while found is not None and found.merged_into and found.id not in seen:
            seen.add(found.id)
            found = await session.get(Contact, found.merged_into) or found
        if found is not None:
            return found
    named = known.get(make_name_key(person.name), ())
    return next((each for each in named if not each.email or not person.email), None)


async def _insert(
    session: AsyncSession, company: Company, person: FoundPerson, page: str, now: datetime
) -> Contact | None:
    """The new row; None where another process has just made one of this address."""
    contact_id = make_id()
    is_new = await insert_once(
        session,
        Contact,
        id=contact_id,
        company_id=company.id,
        name="",
        email=person.email or None,
        source=page[:200],
        provenance={},
        created_at=now,
        updated_at=now,
    )
    return await session.get_one(Contact, contact_id) if is_new else None


def _fill(
    contact: Contact, person: FoundPerson, company: Company, page: str, now: datetime
) -> bool:
    """Whether anything became another value. What is known as surely stays."""
    said = {
        "name": person.name,
        "email": person.email,
        "title": person.title,
        "phone": person.phone,
        "profile_url": person.profile_url,
    }
    changed = False
    for name, value in said.items():
        if value and _may_set(contact, name, person.confidence):
            changed |= set_field(
                contact, name, value, source=page, now=now, confidence=person.confidence
            )
    if contact.company_id is None:
        contact.company_id, contact.updated_at, changed = company.id, now, True
    if company.country and not contact.country:
        changed |= set_field(
            contact, "country", company.country, source="company", now=now, confidence=_GUESSED
        )
    return changed


def _may_set(contact: Contact, name: str, confidence: float) -> bool:
    known = (contact.provenance or {}).get(name, {})
    is_empty = getattr(contact, name) in (None, "")
    return is_empty or known.get("confidence", 1.0) < confidence
