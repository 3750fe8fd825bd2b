"""One pair is merged in one transaction, also when two processes are at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from graphs.dedupe_merge_graph import companies, contacts
from graphs.dedupe_merge_graph.likeness import (
    Firm,
    Person,
    compare_firms,
    compare_people,
)
from graphs.dedupe_merge_graph.reviews import Entity, carry_over, read_state
from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.people import Company, Contact

_LOCK_KEY = 0x6D65726765  # "merge", an advisory lock of its own
_ATTEMPTS = 3
# In the order of Person and Firm.
PERSON_FIELDS = (
    Contact.id, Contact.name, Contact.email, Contact.phone, Contact.profile_url, Contact.company_id,
)  # fmt: skip
FIRM_FIELDS = (Company.id, Company.name, Company.domain, Company.website, Company.country)
# PostgreSQL ends one of two transactions that wait for each other, and it is to be tried again.
_TRY_AGAIN = ("40P01", "40001")


@dataclass(frozen=True)
class Merged:
    """How it ended. `busy`: a mail is being sent; `kept`: nothing was to be merged any more."""

    outcome: Literal["merged", "busy", "kept"]
    kept_id: str = ""
    merged_id: str = ""
    campaigns: Sequence[str] = ()


async def merge_pair(
    database: Database, entity: Entity, ids: tuple[str, str], now: datetime, *, is_decided: bool
) -> Merged:
    """Make two rows one, if they still are: both are read again under their locks.

    `is_decided`: a person said so, and nothing is compared.
    """
    salt = await database.read_salt()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with database.begin() as session:
                if not database.is_sqlite:
                    lock = text("SELECT pg_advisory_xact_lock(:key)")
                    await session.execute(lock, {"key": _LOCK_KEY})
                return await _merge(session, entity, ids, salt, now, is_decided)
        except contacts.MailUnderWay:
            return Merged("busy")
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _TRY_AGAIN or attempt == _ATTEMPTS:
                raise
    raise AssertionError("every attempt returns or raises")


async def _merge(
    session: AsyncSession,
    entity: Entity,
    ids: tuple[str, str],
    salt: str,
    now: datetime,
    is_decided: bool,
) -> Merged:
    roots = sorted({await find_root(session, entity, each) for each in ids})
    if len(roots) < 2 or await read_state(session, entity, *roots) == "different":
        return Merged("kept")
    if entity == "contact":
        merged = await _merge_contacts(session, roots, salt, now, is_decided)
    else:
        merged = await _merge_companies(session, roots, now, is_decided)
    if merged.outcome == "merged":
        await carry_over(session, entity, merged.kept_id, merged.merged_id)
    return merged


async def _merge_contacts(
    session: AsyncSession, ids: Sequence[str], salt: str, now: datetime, is_decided: bool
) -> Merged:
    await contacts.lock_touches(session, ids, now)
    # No lock on the key: mails that are stored meanwhile only have to know that the row is there.
    query = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    rows = (await session.scalars(locked)).all()
    people = [Person(*_read(row, PERSON_FIELDS)) for row in rows]
    if len(people) < 2 or not (is_decided or compare_people(*people).verdict == "same"):
        return Merged("kept")
    kept, merged = await contacts.choose_kept(session, rows)
    campaigns = await contacts.merge_contact(session, kept, merged, salt, now)
    await record_event(session, f"merged:{merged.id}", "merged", now=now, contact_id=kept.id)
    return Merged("merged", kept.id, merged.id, campaigns)


async def _merge_companies(
    session: AsyncSession, ids: Sequence[str], now: datetime, is_decided: bool
) -> Merged:
    query = select(Company).where(Company.id.in_(ids)).order_by(Company.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    rows = (await session.scalars(locked)).all()
    firms = [Firm(*_read(row, FIRM_FIELDS)) for row in rows]
    if len(firms) < 2 or not (is_decided or compare_firms(*firms).verdict == "same"):
        return Merged("kept")
    kept, merged = await companies.choose_kept(session, rows)
    await companies.merge_company(session, kept, merged, now)
    await record_event(session, f"merged:{merged.id}", "merged", now=now, company_id=kept.id)
    return Merged("merged", kept.id, merged.id)


async def find_root(session: AsyncSession, entity: Entity, row_id: str) -> str:
    """The row that took this one's place; itself where none did.

    Raises:
        ValueError: there is no such row.
    """
    table = Contact if entity == "contact" else Company
    found = await session.execute(select(table.id, table.merged_into).where(table.id == row_id))
    row = found.first()
    if row is None:
        raise ValueError(f"no {entity} {row_id}")
    return row[1] or row[0]


def _read(row: Contact | Company, fields: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    return [getattr(row, each.key) for each in fields]
