"""contact_enrich_sales on a database."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from graphs.contact_enrich_sales_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Contact


async def _load(database: Database, now: datetime, employees: int | None, **contact: Any) -> None:
    rows = {
        "companies": [{"id": "acme", "name": "Acme", "employees": employees}],
        "contacts": [{"id": "dana", "name": "Dana", "company_id": "acme", **contact}],
    }
    await load_rows(database, json.dumps(rows), now)


async def _read(database: Database) -> Contact:
    async with database.read() as session:
        return await session.get_one(Contact, "dana")


async def test_a_title_tells_rank_department_and_authority(
    database: Database, now: datetime
) -> None:
    await _load(database, now, 400, title="Leiterin Einkauf (m/w/d)")
    answer = await graph.ainvoke({"contact_id": "dana", "now": now.isoformat()})
    assert (answer["seniority"], answer["department"]) == ("head", "procurement")
    assert (answer["is_decision_maker"], answer["authority_score"]) == (True, 0.85)
    assert answer["evidence"] == ["leiterin", "einkauf"]
    row = await _read(database)
    assert (row.seniority, row.department) == ("head", "procurement")
    stamp = {"source": "contact_enrich_sales", "at": now.isoformat(), "confidence": 0.9}
    assert row.provenance["seniority"] == stamp


async def test_a_founder_decides_less_in_a_large_company(database: Database, now: datetime) -> None:
    found = []
    for employees in (10, 20_000):
        await _load(database, now, employees, title="Founder")
        found.append((await graph.ainvoke({"contact_id": "dana"}))["authority_score"])
    assert found[0] > found[1]


async def test_a_new_title_changes_what_the_old_one_said(database: Database, now: datetime) -> None:
    await _load(database, now, None, title="Founder & CEO")
    await graph.ainvoke({"contact_id": "dana"})
    await _load(database, now, None, title="Software")
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert (answer["seniority"], answer["is_decision_maker"]) == ("individual", False)


async def test_what_a_person_said_stays(database: Database, now: datetime) -> None:
    await _load(database, now, None, title="CEO", seniority="vp", is_decision_maker=False)
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert (answer["seniority"], answer["is_decision_maker"]) == ("vp", False)
    assert answer["department"] == "management"


@pytest.mark.parametrize("title", [None, "Astronaut"])
async def test_nothing_is_guessed_where_the_title_says_nothing(
    database: Database, now: datetime, title: str | None
) -> None:
    await _load(database, now, None, title=title)
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert (answer["seniority"], answer["authority_score"]) == (None, None)
    assert (await _read(database)).seniority is None


async def test_a_duplicate_stands_for_the_row_that_took_its_place(
    database: Database, now: datetime
) -> None:
    await _load(database, now, None, title="CTO")
    rows = {"contacts": [{"id": "twin", "name": "Dana"}]}
    await load_rows(database, json.dumps(rows), now)
    async with database.begin() as session:
        (await session.get_one(Contact, "twin")).merged_into = "dana"
    assert (await graph.ainvoke({"contact_id": "twin"}))["seniority"] == "c_level"


@pytest.mark.parametrize(
    ("given", "words"), [({}, "Send contact_id"), ({"contact_id": "nobody"}, "no contact nobody")]
)
async def test_what_is_missing_is_said(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
