"""lookalike_discovery on the database: what is compared, and what is left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from graphs.lookalike_discovery_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import suppress_domain
from graphs.sales.data.tables import Company, Fact

_ROWS = """
companies:
  - {id: acme, name: Acme, domain: acme.example, industry: Software, country: DE, employees: 300}
  - {id: twin, name: ACME, domain: acme.test, industry: Software}
  - {id: near, name: Desk, domain: desk.example, industry: Software, country: DE, employees: 200}
  - {id: tech, name: Mill, domain: mill.example}
  - {id: rival, name: Rival, domain: shop.rival.example, industry: Software, country: DE}
  - {id: gone, name: Gone, industry: Software, country: DE}
  - {id: empty, name: Empty}
"""


@pytest_asyncio.fixture
async def rows(database: Database, now: datetime) -> Database:
    """Companies, one of which is suppressed and one merged into another."""
    await load_rows(database, _ROWS, now)
    async with database.begin() as session:
        await suppress_domain(session, "rival.example", reason="manual", now=now)
        (await session.get_one(Company, "gone")).merged_into = "acme"
        for company in ("acme", "tech"):
            session.add(
                Fact(
                    company_id=company,
                    kind="tech",
                    digest="z",
                    value={"name": "Zendesk"},
                    found_at=now,
                )
            )
    return database


async def _find(**given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await graph.ainvoke(given)
    return answer


@pytest.mark.parametrize("company_id", ["acme", "gone"])
async def test_companies_that_share_fields_or_technologies_are_found(
    rows: Database, company_id: str
) -> None:
    answer = await _find(company_id=company_id)
    near, tech = answer["lookalikes"]
    assert near["company"] == {"id": "near", "name": "Desk", "domain": "desk.example"}
    assert near["why"] == [
        "Both are in the industry Software.",
        "They are of similar size: 300 and 200 people.",
        "Both are in DE.",
    ]
    assert (tech["company"]["id"], tech["why"]) == ("tech", ["Both use Zendesk."])
    assert near["similarity"] > tech["similarity"]
    assert [each["id"] for each in answer["same"]] == ["twin"]
    assert answer["compared"] == 2


async def test_limit_and_least_are_kept(rows: Database) -> None:
    assert len((await _find(company_id="acme", limit=1))["lookalikes"]) == 1
    assert len((await _find(company_id="acme", least=0.5))["lookalikes"]) == 1
    assert (await _find(company_id="acme", least=1))["lookalikes"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send company_id"),
        ({"company_id": "nobody"}, "no company nobody"),
        ({"company_id": "empty"}, "run company_enrichment on it first"),
        ({"company_id": "acme", "limit": 101}, "limit is a whole number from 1 to 100"),
        ({"company_id": "acme", "least": "x"}, "least is a number from 0 to 1"),
    ],
)
async def test_invalid_input_says_what_to_send(
    rows: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await _find(**given)
