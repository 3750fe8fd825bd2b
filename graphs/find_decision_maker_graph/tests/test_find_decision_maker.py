"""find_decision_maker on the database: who is ranked, who is left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from graphs.find_decision_maker_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import suppress_address
from graphs.sales.data.tables import Company, Contact

_ROWS = """
products:
  - {id: desk, name: Desk, icp: {departments: [support]}}
  - {id: odd, name: Odd, icp: {departments: [moon]}}
companies: [{id: acme, name: Acme, employees: 300}, {id: old, name: Acme Inc}]
contacts:
  - {id: ceo, company_id: acme, title: CEO, email: ceo@acme.example}
  - {id: head, company_id: acme, title: Head of Support, email: head@acme.example}
  - {id: agent, company_id: acme, title: Support Agent}
  - {id: gone, company_id: acme, title: VP Support, email: gone@acme.example}
  - {id: twin, company_id: acme, title: CEO}
  - {id: other, title: CEO}
"""


@pytest_asyncio.fixture
async def rows(database: Database, now: datetime) -> Database:
    """A company of 300 whose VP wants no mail."""
    await load_rows(database, _ROWS, now)
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(session, "gone@acme.example", salt, reason="objected", now=now)
        (await session.get_one(Contact, "twin")).merged_into = "ceo"
        (await session.get_one(Company, "old")).merged_into = "acme"
    return database


async def _find(now: datetime, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await graph.ainvoke({"now": now.isoformat(), **given})
    return answer


async def test_the_departments_of_the_product_decide(rows: Database, now: datetime) -> None:
    answer = await _find(now, company_id="acme", product_id="desk")
    assert [each["contact_id"] for each in answer["ranked"]] == ["head", "ceo", "agent"]
    assert [each["decides"] for each in answer["ranked"]] == [True, True, False]
    assert answer["left_out"] == [{"contact_id": "gone", "reason": "Suppressed"}]
    assert answer["departments_used"] == ["support"]


async def test_without_a_product_rank_alone_decides(rows: Database, now: datetime) -> None:
    answer = await _find(now, company_id="old", limit=1)
    assert (answer["company_id"], answer["ranked"][0]["contact_id"]) == ("acme", "ceo")
    assert len(answer["ranked"]) == 1


async def test_what_a_person_noted_counts_and_what_a_program_noted_does_not(
    rows: Database, now: datetime
) -> None:
    await load_rows(rows, "contacts: [{id: agent, is_decision_maker: true}]", now)
    async with rows.begin() as session:
        (await session.get_one(Contact, "ceo")).is_decision_maker = False
    answer = await _find(now, company_id="acme", departments=["Support"])
    assert [each["contact_id"] for each in answer["ranked"]] == ["agent", "head", "ceo"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send company_id"),
        ({"company_id": "nobody"}, "no company nobody"),
        ({"company_id": "acme", "product_id": "none"}, "no product none"),
        ({"company_id": "acme", "product_id": "odd"}, "icp.departments of odd: 'moon' is none"),
        ({"company_id": "acme", "departments": "it"}, "departments is a list of any of sales"),
        ({"company_id": "acme", "limit": 0}, "limit is a whole number from 1 to 100"),
    ],
)  # fmt: skip
async def test_invalid_input_says_what_to_send(
    rows: Database, now: datetime, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await _find(now, **given)
