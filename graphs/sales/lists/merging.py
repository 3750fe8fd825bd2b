"""One person of a list into the database: found again, or new; never one who must stay out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from graphs.sales.data.ids import make_id
from graphs.sales.data.people import Contact
from graphs.sales.data.provenance import PERSON, set_field
from graphs.sales.lists.companies import make_company
from graphs.sales.lists.entries import Entry, Rejected
from graphs.sales.lists.known import Known

Outcome = Literal["inserted", "merged", "unchanged"]

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


async def merge_entry(known: Known, entry: Entry, upload: Upload) -> Outcome:
    """Insert or merge, with provenance. The same list again changes nothing.

    Raises:
        Rejected: nobody may write to this person.
    """
    company = known.find_company(entry)
    contact = known.find_contact(entry, company.id if company else None)
    for address in (entry.email, contact.email if contact else None):
        if address and (found := known.find_suppression(address)):
            raise Rejected(f"suppressed: {_WHY.get(found.reason, found.reason)}")
    if contact is None and await known.is_erased(entry, company):
        raise Rejected(f"suppressed: {_WHY['erased']}")
    if company is None and (company := make_company(entry, upload.source, upload.now)):
        known.add_company(company)
    is_new = contact is None
    contact = contact or _make_contact(entry, upload)
    fields = dict(entry.fields)
    if entry.email and contact.email != entry.email and known.find_owner(entry.email):
        # It stays with a row that was merged into this one.
        del fields["email"]
    changed = _fill(contact, fields, company.id if company else None, upload)
    known.keep(contact)
    return "inserted" if is_new else "merged" if changed else "unchanged"


def _make_contact(entry: Entry, upload: Upload) -> Contact:
    return Contact(
        id=make_id(), email=entry.email, name="", source=upload.source[:200], basis=upload.basis,
        provenance={}, created_at=upload.now, updated_at=upload.now,
    )  # fmt: skip


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
