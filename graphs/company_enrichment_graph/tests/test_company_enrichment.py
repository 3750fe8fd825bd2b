"""company_enrichment on real sites of a real HTTP server, and its readings by tables."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graphs.company_enrichment_graph import graph
from graphs.company_enrichment_graph.classifying import Words, find_industry
from graphs.company_enrichment_graph.profile import make_band, read_profile
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Company, Fact
from graphs.sales.web import read_page
from site_server import SiteServer


async def _load(database: Database, now: datetime, **company: Any) -> None:
    rows = {"companies": [{"id": "acme", "name": "Acme", "domain": "acme.example", **company}]}
    await load_rows(database, json.dumps(rows), now)


async def _read(database: Database) -> Company:
    async with database.read() as session:
        return await session.get_one(Company, "acme")


async def test_a_site_tells_what_a_company_is(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now)
    answer = await graph.ainvoke({"company_id": "acme", "now": now.isoformat()})
    assert (answer["country"], answer["employees"], answer["size"]) == ("GB", 120, "51-200")
    assert answer["category"] == "logistics"
    assert answer["refreshed"]
    assert answer["facts"] == len(answer["found"]) > 8
    assert all(fact["evidence"] and fact["source"] for fact in answer["found"])
    assert set(answer["sources"]) >= {fact["source"] for fact in answer["found"]}
    assert 0.5 < answer["confidence"] <= 1
    assert answer["enriched_at"] == now.isoformat()


async def test_every_field_keeps_the_page_that_says_it(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now)
    await graph.ainvoke({"company_id": "acme", "now": now.isoformat()})
    row = await _read(database)
    stamp = row.provenance["employees"]
    assert stamp["source"].endswith("acme.example/")
    assert (stamp["confidence"], stamp["at"]) == (0.9, now.isoformat())
    async with database.read() as session:
        facts = (await session.scalars(select(Fact).where(Fact.kind == "detail"))).all()
    details = {fact.value["name"]: fact for fact in facts}
    assert details["founded"].value["value"] == "2014"
    assert details["city"].value["value"] == "London"


async def test_what_a_person_said_stays(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, employees=7, industry="Robots")
    answer = await graph.ainvoke({"company_id": "acme"})
    assert (answer["employees"], answer["industry"]) == (7, "Robots")
    assert (await _read(database)).name == "Acme"


async def test_what_is_fresh_is_not_looked_for_again_unless_it_is_asked_for(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now)
    first = await graph.ainvoke({"company_id": "acme", "now": now.isoformat()})
    asked = len(sites.asked)
    later = (now + timedelta(days=29)).isoformat()
    second = await graph.ainvoke({"company_id": "acme", "now": later})
    assert (second["refreshed"], second["employees"]) == (False, 120)
    assert second["confidence"] == first["confidence"]
    assert len(sites.asked) == asked
    forced = {"company_id": "acme", "now": later, "force_refresh": True}
    assert (await graph.ainvoke(forced))["refreshed"]
    old = (now + timedelta(days=60)).isoformat()
    assert (await graph.ainvoke({"company_id": "acme", "now": old}))["refreshed"]


async def test_a_second_look_stores_nothing_twice(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now)
    counts = []
    for _ in range(2):
        await graph.ainvoke({"company_id": "acme", "force_refresh": True})
        async with database.read() as session:
            counts.append(len((await session.scalars(select(Fact.id))).all()))
    assert counts[0] == counts[1] > 0


async def test_a_site_that_cannot_be_read_is_said_and_changes_nothing(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, domain="closed.example")
    answer = await graph.ainvoke({"company_id": "acme"})
    assert (answer["facts"], answer["refreshed"], answer["enriched_at"]) == (0, False, None)
    assert answer["unread"]


async def test_a_german_imprint_tells_country_and_register(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, domain="brauwerk.example")
    answer = await graph.ainvoke({"company_id": "acme"})
    found = {fact["field"]: fact["value"] for fact in answer["found"]}
    assert (answer["country"], answer["industry"], answer["employees"]) == (
        "DE",
        "Manufacturing",
        85,
    )
    assert (found["vat"], found["register"], found["founded"]) == (
        "DE123456789",
        "HRB 12345",
        "1962",
    )


@pytest.mark.parametrize(
    ("text", "employees"),
    [
        ("We are about 1,200 employees in six countries.", 1200),
        ("Rund 85 Mitarbeiterinnen und Mitarbeiter", 85),
        ("Nos 1 500 collaborateurs", 1500),
        ("Más de 300 empleados", 300),
        ("a team of 40 in Lyon", 40),
        ("more than 250 passionate team members", 250),
        ("For warehouses of 20 to 500 people", None),
        ("In 2019 employees moved", None),
        ("99999999 employees", None),
    ],
)
def test_a_number_of_people_is_read_where_it_is_one(text: str, employees: int | None) -> None:
    page = read_page("https://x.example/", f"<body><p>{text}</p></body>")
    found = {each.field: each.value for each in read_profile([page])}
    assert found.get("employees") == employees


@pytest.mark.parametrize(
    ("said", "country"),
    [("DE", "DE"), ("de", "DE"), ("Germany", "DE"), ("UK", "GB"), ("EU", None), ("Earth", None)],
)
def test_the_country_of_an_address_is_a_code_however_it_is_written(
    said: str, country: str | None
) -> None:
    address = {"@type": "PostalAddress", "addressCountry": said}
    told = json.dumps({"@type": "Organization", "name": "Acme", "address": address})
    html = f'<script type="application/ld+json">{told}</script><p>Hello'
    findings = read_profile([read_page("https://x.example/", html)])
    assert {each.field: each.value for each in findings}.get("country") == country


@pytest.mark.parametrize(
    ("employees", "band"),
    [(1, "1-10"), (10, "1-10"), (11, "11-50"), (5000, "1001-5000"), (10_001, "10001+")],
)
def test_numbers_have_bands(employees: int, band: str) -> None:
    assert make_band(employees) == band


@pytest.mark.parametrize(
    ("text", "industry"),
    [
        ("We are a law firm for startups", "Legal services"),
        ("Steuerberater in Köln", "Accounting"),
        ("Éditeur de logiciel de gestion", "Software"),
        ("Agencia de marketing en Madrid", "Marketing and advertising"),
        ("A career here", None),
        ("We like platform shoes", None),
        ("", None),
    ],
)
def test_an_industry_is_told_by_its_words_and_not_by_one_weak_word(
    text: str, industry: str | None
) -> None:
    found = find_industry([Words("https://x.example/", "", text)])
    assert (found.name if found else None) == industry
    assert found is None or all(word in text.lower() for word in found.words)


@given(st.text(max_size=400))
def test_no_page_is_too_strange(text: str) -> None:
    page = read_page("https://x.example/about", f"<title>{text}</title><p>{text}</p>")
    for found in read_profile([page]):
        assert 0 < found.confidence <= 1
        assert found.evidence


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({}, "Send company_id"),
        ({"company_id": "nobody"}, "no company nobody"),
        ({"company_id": "bare"}, "neither website nor domain"),
        ({"company_id": "bare", "max_pages": 0}, "max_pages is a whole number from 1 to 20"),
    ],
)
async def test_what_is_wrong_is_said(
    database: Database, now: datetime, given_: dict[str, Any], words: str
) -> None:
    await load_rows(database, "companies: [{id: bare, name: Bare}]", now)
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given_)
