"""One person of a list into the database: found again, or new; never one who must stay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.ids import make_id
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import PERSON, set_field
from graphs.sales.data.suppression import (
    PersonKey,
    find_person,
    find_suppression,
    make_person_keys,
)
from graphs.sales.lists.companies import find_company, make_company, read_mail_domain
from graphs.sales.lists.entries import Entry, Rejected

Outcome = Literal["inserted", "merged", "unchanged"]

SEVERAL = "several people of this name are at the company; write an address or a profile"
_MOST_NAMESAKES = 20
_WHY = {
    "unsubscribed": "they unsubscribed",
    "bounced": "mail to their address bounces",
    "complained": "they complained of our mail",
    "objected": "they objected to our mail",
    "erased": "they asked to be erased, and must not come back",
    "manual": "somebody here suppressed the address or its domain",
}


@dataclass(frozen=True)
class Upload:
    """A list. `source` is what it is called; with `keep` it only fills what is empty.

    `basis` is the legal ground on which new contacts are kept.
    """

    source: str
    now: datetime
    keep: bool = False
    basis: str = "legitimate_interest"


async def merge_entry(session: AsyncSession, entry: Entry, upload: Upload, salt: str) -> Outcome:
    """Insert or merge, with provenance. The same list again changes nothing.

    Raises:
        Rejected: nobody may write to this person.
    """
    company = await find_company(session, entry)
    contact = await find_contact(session, entry, company.id if company else None)
    for address in {entry.email, contact.email if contact else None} - {None}:
        if found := await find_suppression(session, str(address), salt):
            raise Rejected(f"suppressed: {_WHY.get(found.reason, found.reason)}")
    if contact is None and await find_person(session, _make_keys(entry, company, salt)):
        raise Rejected(f"suppressed: {_WHY['erased']}")
    company = company or await make_company(session, entry, upload.source, upload.now)
    is_new = False
    if contact is None:
        contact, is_new = await _insert(session, entry, upload)
    fields = dict(entry.fields)
    if entry.email and contact.email != entry.email and await _is_taken(session, entry.email):
        del fields["email"]
    changed = _fill(contact, fields, company.id if company else None, upload)
    await session.flush()
    return "inserted" if is_new else "merged" if changed else "unchanged"


async def find_contact(
    session: AsyncSession, entry: Entry, company_id: str | None
) -> Contact | None:
    """By address, else by profile, else by name and company where nothing speaks against it.

    Raises:
        Rejected: several people are meant by a name and a company alone.
    """
    for column, value in ((Contact.email, entry.email), (Contact.profile_url, entry.profile_url)):
        if value:
            same = select(Contact).where(column == value).order_by(Contact.id).limit(1)
            if found := await session.scalar(same):
                return await _follow(session, found)
    if not entry.name or not company_id:
        return None
    named = select(Contact).where(
        Contact.company_id == company_id,
        func.lower(Contact.name) == entry.name.lower(),
        Contact.merged_into.is_(None),
    )
    several = (await session.scalars(named.order_by(Contact.id).limit(_MOST_NAMESAKES))).all()
    fitting = [each for each in several if entry.may_be(each.email, each.profile_url)]
    if len(fitting) > 1 and not entry.keys:
        raise Rejected(SEVERAL)
    return fitting[0] if len(fitting) == 1 else None


async def _follow(session: AsyncSession, contact: Contact) -> Contact:
    """The row that took this one's place."""
    seen = {contact.id}
    while contact.merged_into and contact.merged_into not in seen:
        seen.add(contact.merged_into)
        following = await session.get(Contact, contact.merged_into)
        if following is None:
            break
        contact = following
    return contact


async def _insert(session: AsyncSession, entry: Entry, upload: Upload) -> tuple[Contact, bool]:
    """A new row; where another process was faster, that one, and False."""
    values: dict[str, Any] = {
        "id": make_id(), "email": entry.email, "name": "", "source": upload.source[:200],
        "basis": upload.basis, "provenance": {}, "created_at": upload.now, "updated_at": upload.now,
    }  # fmt: skip
    is_new = await insert_once(session, Contact, **values)
    same = Contact.id == values["id"] if is_new else Contact.email == entry.email
    return (await session.scalars(select(Contact).where(same))).one(), is_new


def _make_keys(entry: Entry, company: Company | None, salt: str) -> Sequence[PersonKey]:
    """What is known again of somebody whose address is another one now, or none."""
    places = [entry.company or "", entry.domain or "", read_mail_domain(entry.email) or ""]
    if company:
        places += [company.name, company.domain or ""]
    return make_person_keys(
        salt, name=entry.name or "", profile_url=entry.profile_url or "", companies=places
    )


async def _is_taken(session: AsyncSession, email: str) -> bool:
    """Whether it stays with a row that was merged into this one."""
    return await session.scalar(select(Contact.id).where(Contact.email == email)) is not None


def _fill(
    contact: Contact, fields: Mapping[str, Any], company_id: str | None, upload: Upload
) -> bool:
    """Whether anything became another value."""
    changed = False
    for name, value in fields.items():
        changed |= _set(contact, name, value, upload)
    if company_id and contact.company_id != company_id and not (upload.keep and contact.company_id):
        contact.company_id, contact.updated_at, changed = company_id, upload.now, True
    return changed


def _set(contact: Contact, name: str, value: Any, upload: Upload) -> bool:
    """One field, unless a person said the same before: its provenance stays that of the first."""
    current = getattr(contact, name)
    if name == "consent":
        value = {**value, "source": upload.source, "at": upload.now.isoformat()}
        is_same = current is not None and current.get("given") == value["given"]
    else:
        is_same = current == value
    is_said = (contact.provenance or {}).get(name, {}).get("source") == PERSON
    if current not in (None, "") and (upload.keep or (is_same and is_said)):
        return False
    if name == "email" and current:
        contact.email_status = None
    return set_field(contact, name, value, source=PERSON, now=upload.now, origin=upload.source)
