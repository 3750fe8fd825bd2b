"""import_contacts on PostgreSQL: as its pool's role, and several at once."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select

from graphs.import_contacts_graph import graph
from graphs.sales.data.database import Database, connect, normalise_url
from graphs.sales.data.roles import apply_roles
from graphs.sales.data.tables import Company, Contact
from graphs.sales.lists import importing
from graphs.sales.lists.importing import import_sheet, make_sheet
from graphs.sales.lists.known import Known
from graphs.sales.lists.merging import Upload

pytestmark = pytest.mark.integration


async def test_the_role_of_the_pool_may_import(
    postgres_database: Database, postgres_url: str, now: datetime
) -> None:
    await apply_roles(postgres_database.engine, {"discovery": "secret"})
    url = psycopg.conninfo.conninfo_to_dict(postgres_url)
    login = f"postgresql://sales_discovery:secret@{url['host']}:{url['port']}/{url['dbname']}"
    database = await connect(normalise_url(login))
    sheet = make_sheet([{"email": "a@acme.example", "company": "Acme", "consent": "yes"}])
    first = await import_sheet(database, sheet, Upload("a list", now))
    again = await import_sheet(database, sheet, Upload("a list", now))
    await database.engine.dispose()
    assert (first.inserted, again.unchanged) == (1, 1)


async def test_lists_that_come_together_make_each_person_once(
    postgres_database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_CHUNK", 5)
    rows = [{"email": f"{n}@{n % 7}.example", "company": f"Company {n % 7}"} for n in range(42)]
    orders = (rows, rows[::-1], rows[20:] + rows[:20])
    answers = await asyncio.gather(
        *(graph.ainvoke({"rows": order, "now": now.isoformat()}) for order in orders)
    )
    assert sum(each["inserted"] for each in answers) == 42
    assert all(each["rejected_count"] == 0 for each in answers)
    async with postgres_database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Contact)) == 42
        assert await session.scalar(select(func.count()).select_from(Company)) == 7


async def test_whom_another_process_writes_in_between_is_merged_with(
    postgres_database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Known.read
    written: list[str] = []

    async def read_and_be_late(known: Known, entries: Any) -> None:
        await read(known, entries)
        if not written:
            row = Contact(email="a@acme.example", title="CFO", created_at=now, updated_at=now)
            async with postgres_database.begin() as session:
                session.add(row)
            written.append(row.id)

    monkeypatch.setattr(Known, "read", read_and_be_late)
    rows = [{"email": f"{each}@acme.example", "title": "CEO"} for each in "ab"]
    answer = await graph.ainvoke({"rows": rows, "now": now.isoformat()})
    assert (answer["inserted"], answer["merged"], answer["rejected_count"]) == (1, 1, 0)
    async with postgres_database.read() as session:
        contact = await session.get_one(Contact, written[0])
    assert contact.title == "CEO"
