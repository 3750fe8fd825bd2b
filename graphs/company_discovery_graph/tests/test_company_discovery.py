"""company_discovery on sites and a search service of a real HTTP server, into a real database."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from graphs.company_discovery_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import suppress_domain
from graphs.sales.data.tables import Company
from graphs.sales.discovery.search import URL
from site_server import SiteServer


async def list_companies(database: Database) -> dict[str | None, Company]:
    async with database.read() as session:
        return {row.domain: row for row in await session.scalars(select(Company))}


@pytest.fixture
def search(sites: SiteServer, monkeypatch: pytest.MonkeyPatch) -> SiteServer:
    """A search service in SearXNG's format."""
    url = "http://search.example/search?q={query}&format=json&pageno={page}"
    monkeypatch.setenv(URL, url)
    return sites


async def test_domains_become_companies_with_what_their_sites_say(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    domains = ["https://www.acme.example/team?x=1", "sam@harbor.example", "brauwerk.example"]
    answer = await graph.ainvoke({"domains": domains, "now": now.isoformat()})
    assert (len(answer["inserted_ids"]), answer["skipped_existing"], answer["rejected"]) == (
        3,
        [],
        [],
    )
    rows = await list_companies(database)
    acme = rows["acme.example"]
    assert acme.id == answer["inserted_ids"][0]
    assert (acme.name, acme.country, acme.employees, acme.size) == (
        "Acme Robotics Ltd", "GB", 120, "51-200",
    )  # fmt: skip
    assert acme.description == (
        "Acme Robotics builds picking robots for warehouses of 20 to 500 people."
    )
    assert acme.provenance["name"] == {
        "source": "http://acme.example/", "at": now.isoformat(), "confidence": 0.9,
    }  # fmt: skip
    assert (rows["harbor.example"].name, rows["harbor.example"].country) == (
        "Harbor Automation BV", "NL",
    )  # fmt: skip
    assert rows["brauwerk.example"].name == "Brauwerk Maschinenbau GmbH"


async def test_a_second_run_inserts_nothing_and_visits_nobody(
    sites: SiteServer, database: Database
) -> None:
    first = await graph.ainvoke({"domains": ["acme.example", "harbor.example"]})
    visits = len(sites.asked)
    again = await graph.ainvoke({"domains": ["harbor.example", "acme.example", "acme.example"]})
    assert again["inserted_ids"] == []
    assert sorted(again["skipped_existing"]) == sorted(first["inserted_ids"])
    assert len(sites.asked) == visits


async def test_what_a_person_loaded_stays_as_it_is(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, "companies: [{id: a, name: My Acme, domain: acme.example}]", now)
    answer = await graph.ainvoke({"domains": ["acme.example"]})
    assert answer["skipped_existing"] == ["a"]
    assert (await list_companies(database))["acme.example"].name == "My Acme"


async def test_each_domain_that_is_refused_has_a_reason(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    async with database.begin() as session:
        await suppress_domain(session, "brauwerk.example", reason="objected", now=now)
    domains = [
        "no domain", "", "fortress.example", "closed.example", "gone.example", "linkedin.com",
        "brauwerk.example", "parked.example",
    ]  # fmt: skip
    answer = await graph.ainvoke({"domains": domains})
    assert answer["inserted_ids"] == []
    assert {each["domain"]: each["reason"] for each in answer["rejected"]} == {
        "no domain": "InvalidDomain",
        "": "InvalidDomain",
        "fortress.example": "Refused",
        "closed.example": "RobotsDisallow",
        "gone.example": "NotFound",
        "linkedin.com": "NotACompany",
        "brauwerk.example": "Suppressed",
        "parked.example": "Parked",
    }
    assert await list_companies(database) == {}


async def test_a_search_gives_companies_and_nothing_else(
    search: SiteServer, database: Database
) -> None:
    answer = await graph.ainvoke({"seed_query": "warehouse robots", "limit": 10})
    rows = await list_companies(database)
    assert set(rows) == {"acme.example", "harbor.example", "spa.example"}
    assert [rows[d].id for d in ("acme.example", "harbor.example", "spa.example")] == (
        answer["inserted_ids"]
    )
    assert [(each["domain"], each["reason"]) for each in answer["rejected"]] == [
        ("fortress.example", "Refused")
    ]


async def test_a_limit_is_kept_and_the_best_come_first(
    search: SiteServer, database: Database
) -> None:
    answer = await graph.ainvoke({"seed_query": "warehouse robots", "limit": 1})
    assert len(answer["inserted_ids"]) == 1
    assert set(await list_companies(database)) == {"acme.example"}


async def test_a_directory_is_a_source_too(
    sites: SiteServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, "http://directory.example/?about={query}")
    await graph.ainvoke({"seed_query": "robotics"})
    assert set(await list_companies(database)) == {
        "acme.example", "harbor.example", "brauwerk.example", "spa.example",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "domains"),
    [
        ({"geography": "GB"}, {"acme.example"}),
        ({"geography": "Niederlande, Germany"}, {"harbor.example"}),
        ({"geography": "Europe"}, {"acme.example", "harbor.example"}),
        ({"size": "20-500"}, {"acme.example", "harbor.example"}),
        ({"size": "<50"}, {"harbor.example"}),
    ],
)
async def test_companies_that_are_not_asked_for_are_refused(
    sites: SiteServer, database: Database, asked: dict[str, str], domains: set[str]
) -> None:
    answer = await graph.ainvoke({"domains": ["acme.example", "harbor.example"], **asked})
    assert set(await list_companies(database)) == domains
    reasons = {each["reason"] for each in answer["rejected"]}
    assert reasons <= {"OutsideGeography", "WrongSize"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send domains, or seed_query."),
        ({"domains": ["a.example"], "seed_query": "x"}, "Send domains, or seed_query."),
        ({"seed_query": "robots"}, "Set SALES_SEARCH_URL in the pool's environment"),
        ({"seed_query": "x" * 301}, "at most 300 characters"),
        ({"domains": ["a.example"] * 1001}, "at most 1000"),
        ({"domains": ["a.example"], "limit": 0}, "limit is a whole number from 1 to 200"),
        ({"domains": ["a.example"], "geography": "Atlantis"}, "countries or regions"),
        ({"domains": ["a.example"], "size": "huge"}, "20-500, 50+"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], words: str
) -> None:
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(ValueError, match=re.escape(words)):
        await graph.ainvoke(given)


@pytest.mark.parametrize(
    ("path", "words"),
    [("/gone/{query}", "no such page"), ("/results.json?{query}", 'without "results"')],
)
async def test_a_search_service_that_fails_says_how(
    sites: SiteServer, database: Database, monkeypatch: pytest.MonkeyPatch, path: str, words: str
) -> None:
    monkeypatch.setenv(URL, f"http://search.example{path}")
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke({"seed_query": "robots"})
