"""Read products, mailboxes, campaigns, companies and contacts from YAML, by id, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.columns import Base
from graphs.sales.data.database import Database
from graphs.sales.data.ids import normalise_address, normalise_domain
from graphs.sales.data.provenance import PERSON
from graphs.sales.data.tables import Campaign, Company, Contact, Mailbox, Product

# In the order in which they name each other.
KINDS: Mapping[str, type[Base]] = {
    "products": Product,
    "mailboxes": Mailbox,
    "campaigns": Campaign,
    "companies": Company,
    "contacts": Contact,
}
_OURS = frozenset({"created_at", "updated_at", "provenance", "merged_into", "folders"})


class InvalidRows(ValueError):
    """The file says something that cannot be stored; the text says where."""


async def load_rows(database: Database, text: str, now: datetime) -> dict[str, int]:
    """`{"products": [{"id", ...}], ...}` into the tables, all or nothing; how many of each kind.

    A row that is there by its id gets the named fields and keeps the others.

    Raises:
        InvalidRows: with kind, row and field.
    """
    given = _parse(text)
    counts = {}
    async with database.begin() as session:
        for kind, table in KINDS.items():
            rows = [] if given.get(kind) is None else given[kind]
            if not isinstance(rows, list):
                raise InvalidRows(f"{kind} is no list")
            for number, row in enumerate(rows, 1):
                await _store(session, table, row, f"{kind}, row {number}", now)
            if rows:
                counts[kind] = len(rows)
    return counts


def _parse(text: str) -> Mapping[str, Any]:
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidRows(f"this is no YAML: {error}") from None
    if not isinstance(given, Mapping):
        raise InvalidRows(f"write a mapping with any of {', '.join(KINDS)}")
    unknown = set(given) - set(KINDS)
    if unknown:
        raise InvalidRows(f"{min(map(str, unknown))} is none of {', '.join(KINDS)}")
    return given


async def _store(
    session: AsyncSession, table: type[Base], given: object, where: str, now: datetime
) -> None:
    if not isinstance(given, Mapping) or not isinstance(given.get("id"), str):
        raise InvalidRows(f"{where}: write a mapping with an id of letters and digits")
    fields = {column.key for column in inspect(table).column_attrs} - _OURS
    unknown = {str(key) for key in given} - fields
    if unknown:
        raise InvalidRows(f"{where}: {min(unknown)} is none of {', '.join(sorted(fields))}")
    row = await session.get(table, given["id"])
    if row is None:
        row = table(created_at=now, **({"updated_at": now} if hasattr(table, "updated_at") else {}))
        session.add(row)
    for field, value in _normalise(given).items():
        setattr(row, field, value)
    if isinstance(row, (Company, Contact)):
        _stamp(row, given, now)
    try:
        await session.flush()
    except (IntegrityError, StatementError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise InvalidRows(f"{where}: {reason}") from None


def _normalise(given: Mapping[str, Any]) -> dict[str, Any]:
    rules = {"email": normalise_address, "address": normalise_address, "domain": normalise_domain}
    return {
        key: rules[key](value) if key in rules and isinstance(value, str) else value
        for key, value in given.items()
    }


def _stamp(row: Company | Contact, given: Mapping[str, Any], now: datetime) -> None:
    stamp = {"source": PERSON, "at": now.isoformat(), "confidence": 1.0}
    ours = {key: stamp for key in given if key not in ("id", "company_id")}
    row.provenance = {**(row.provenance or {}), **ours}
    row.updated_at = now
