"""deep_scrape on sites of a real HTTP server, and on a company of a real database."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from graphs.deep_scrape_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Fact
from site_server import SiteServer


async def test_a_site_gives_pages_people_and_addresses(sites: SiteServer) -> None:
    answer = await graph.ainvoke({"url": "http://acme.example"})
    assert [page["url"] for page in answer["pages"]][:2] == [
        "http://acme.example/",
        "http://acme.example/team",
    ]
    assert answer["pages"][1]["kinds"] == ["team"]
    people = {each["name"]: each for each in answer["people"]}
    assert people["Dana Reyes"]["title"] == "Chief Executive Officer"
    assert people["Dana Reyes"]["email"] == "dana.reyes@acme.example"
    assert len(people) == len(answer["people"]) == 5
    roles = {each["address"] for each in answer["emails"] if each["is_role"]}
    assert roles == {"hello@acme.example", "sales@acme.example", "support@acme.example"}
    assert (answer["has_careers"], answer["has_pricing"]) == (True, True)
    reasons = {each["url"]: each["reason"] for each in answer["unread"]}
    assert reasons["http://acme.example/private/plans"] == "RobotsDisallow"
    assert "trap@acme.example" not in {each["address"] for each in answer["emails"]}


async def test_pages_of_a_company_become_its_facts_once(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(
        database, "companies: [{id: brau, name: Brauwerk, domain: brauwerk.example}]", now
    )
    first = await graph.ainvoke({"company_id": "brau", "now": now.isoformat()})
    again = await graph.ainvoke({"company_id": "brau", "now": now.isoformat()})
    assert (first["facts"], again["facts"]) == (len(first["pages"]), 0)
    async with database.read() as session:
        facts = (await session.scalars(select(Fact))).all()
    assert {fact.value["url"]: fact.value["kinds"] for fact in facts} == {
        "http://brauwerk.example/": [],
        "http://brauwerk.example/ansprechpartner.html": ["team"],
        "http://brauwerk.example/impressum.html": ["imprint"],
        "http://brauwerk.example/unternehmen.html": ["about"],
    }
    assert "Würzepfannen, Läuterbottiche und Gärtanks" in first["pages"][0]["text"]


async def test_a_page_that_a_program_writes_is_told(sites: SiteServer) -> None:
    answer = await graph.ainvoke({"url": "http://spa.example/"})
    assert (answer["needs_javascript"], answer["people"]) == (True, [])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://fortress.example", "Refused"),
        ("http://closed.example", "RobotsDisallow"),
        ("http://169.254.169.254/", "PrivateAddress"),
        ("http://heavy.example/bomb", "TooLarge"),
        ("no address", "Unreachable"),
        ("http://loop.example/a", "TooManyRedirects"),
    ],
)
async def test_a_site_that_cannot_be_read_says_why(
    sites: SiteServer, url: str, reason: str
) -> None:
    answer = await graph.ainvoke({"url": url})
    assert answer["pages"] == []
    assert [each["reason"] for each in answer["unread"]] == [reason]


async def test_limits_are_kept(sites: SiteServer) -> None:
    answer = await graph.ainvoke({"url": "http://acme.example", "max_pages": 2})
    assert len(answer["pages"]) == 2
    answer = await graph.ainvoke({"url": "http://acme.example/team", "max_depth": 0})
    assert [page["url"] for page in answer["pages"]] == ["http://acme.example/team"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send url, or company_id."),
        ({"url": "http://a.example", "company_id": "x"}, "Send url, or company_id."),
        ({"url": "http://a.example", "max_pages": 1000}, "whole number from 1 to 100"),
        ({"url": "http://a.example", "max_depth": True}, "whole number from 0 to 5"),
        ({"company_id": "nosuch"}, "no company nosuch"),
        ({"company_id": "bare"}, "neither website nor domain"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, now: datetime, given: dict[str, Any], words: str
) -> None:
    await load_rows(database, "companies: [{id: bare, name: Bare}]", now)
    with pytest.raises(ValueError, match=re.escape(words)):
        await graph.ainvoke(given)
