"""contact_enrich on real sites, and its clues by tables."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.contact_enrich_graph import graph
from graphs.contact_enrich_graph.clues import Known, find_clues, find_person, guess_name
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.provenance import set_field
from graphs.sales.data.suppression import suppress_address
from graphs.sales.data.tables import Contact
from graphs.sales.web import FoundPerson
from site_server import SiteServer


async def _load(database: Database, now: datetime, *contacts: dict[str, Any]) -> None:
    """Acme by a person; contacts as a program would have found them."""
    rows = {
        "companies": [
            {"id": "acme", "name": "Acme", "domain": "acme.example", "country": "GB"},
            {"id": "shut", "name": "Shut", "domain": "closed.example"},
        ]
    }
    await load_rows(database, json.dumps(rows), now)
    async with database.begin() as session:
        for given_ in contacts:
            session.add(Contact(**{"created_at": now, "updated_at": now, **given_}))


async def _read(database: Database, contact_id: str = "dana") -> Contact:
    async with database.read() as session:
        return await session.get_one(Contact, contact_id)


_ADDRESS = "dana.reyes@acme.example"
_DANA: dict[str, Any] = {"id": "dana", "name": "Dana Reyes", "company_id": "acme"}


async def test_the_team_page_tells_of_a_contact(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, _DANA)
    answer = await graph.ainvoke({"contact_id": "dana", "now": now.isoformat()})
    row = await _read(database)
    assert row.title == "Chief Executive Officer"
    assert row.email == _ADDRESS
    assert row.profile_url
    assert answer["fields"]["title"]["source"] == row.provenance["title"]["source"]
    assert row.provenance["title"]["source"] in answer["sources"]
    assert (row.country, row.language, row.timezone) == ("GB", "en", "Europe/London")
    assert row.provenance["country"]["source"] == "company"
    assert answer["enriched_at"] == now.isoformat()


async def test_an_address_alone_finds_company_name_and_title(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, {"id": "dana", "email": "ola.berg@acme.example"})
    await graph.ainvoke({"contact_id": "dana"})
    row = await _read(database)
    assert (row.company_id, row.name) == ("acme", "Ola Berg")
    assert row.title == "Co-Founder & CTO"


async def test_a_second_look_changes_nothing(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, _DANA)
    await graph.ainvoke({"contact_id": "dana"})
    before = (await _read(database)).provenance
    answer = await graph.ainvoke({"contact_id": "dana", "force_refresh": True})
    assert (answer["fields"], answer["refreshed"]) == ({}, True)
    assert (await _read(database)).provenance == before


async def test_what_is_fresh_is_not_looked_for_again(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, _DANA)
    await graph.ainvoke({"contact_id": "dana", "now": now.isoformat()})
    asked = len(sites.asked)
    later = (now + timedelta(days=29)).isoformat()
    answer = await graph.ainvoke({"contact_id": "dana", "now": later})
    assert (answer["refreshed"], len(sites.asked)) == (False, asked)


async def test_what_a_person_said_stays(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, _DANA)
    async with database.begin() as session:
        row = await session.get_one(Contact, "dana")
        set_field(row, "title", "Boss", source="person", now=now)
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert "title" not in answer["fields"]
    assert (await _read(database)).title == "Boss"


async def test_an_address_that_asked_for_no_mail_is_not_taken_from_a_page(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, _DANA)
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(session, _ADDRESS, salt, reason="objected", now=now)
    await graph.ainvoke({"contact_id": "dana"})
    assert (await _read(database)).email is None


async def test_an_address_that_another_contact_has_is_not_taken(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    other = {"id": "other", "email": _ADDRESS}
    await _load(database, now, _DANA, other)
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert "email" not in answer["fields"]
    assert answer["fields"]["title"]["value"] == "Chief Executive Officer"


async def test_a_site_that_cannot_be_read_leaves_what_is_known_without_it(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, {"id": "dana", "email": "dana.reyes@shut.de", "company_id": "shut"})
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert answer["unread"]
    assert answer["fields"]["name"]["value"] == "Dana Reyes"
    assert answer["fields"]["country"]["value"] == "DE"
    assert answer["fields"]["timezone"]["value"] == "Europe/Berlin"


async def test_no_page_is_asked_for_with_max_pages_0(
    database: Database, sites: SiteServer, now: datetime
) -> None:
    await _load(database, now, _DANA)
    answer = await graph.ainvoke({"contact_id": "dana", "max_pages": 0})
    assert (sites.asked, answer["unread"]) == ([], None)
    assert set(answer["fields"]) == {"country", "language", "timezone"}


_DANA_FOUND = (FoundPerson("Dana Reyes", "CEO", "dana@acme.example"), "https://acme.example/team")


@pytest.mark.parametrize(
    ("known", "finds"),
    [
        (Known("Dana Reyes"), True),
        (Known("REYES, Dana"), True),
        (Known("", "dana@acme.example"), True),
        (Known("D. R.", "dana@acme.example"), True),
        (Known("Dana Reyes", "dana.reyes@other.example"), False),
        (Known("Dana"), False),
        (Known("", "d.reyes@acme.example"), True),
        (Known("", "info@acme.example"), False),
        (Known("Eli Moss"), False),
        (Known(), False),
    ],
)
def test_a_person_on_a_page_is_the_contact_by_address_or_full_name(
    known: Known, finds: bool
) -> None:
    assert (find_person(known, [_DANA_FOUND]) is not None) is finds


def test_two_people_of_one_name_are_nobody() -> None:
    twin = (FoundPerson("Dana Reyes", "Intern"), "https://acme.example/team")
    plain = (FoundPerson("Dana Reyes", "CEO"), "https://acme.example/board")
    assert find_person(Known("Dana Reyes"), [twin, plain]) is None


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("dana.reyes@acme.example", "Dana Reyes"),
        ("dana_reyes+news@acme.example", "Dana Reyes"),
        ("d.reyes@acme.example", None),
        ("dana@acme.example", None),
        ("sales.team@acme.example", None),
        ("no address", None),
    ],
)
def test_a_name_is_guessed_from_an_address_that_tells_it(email: str, name: str | None) -> None:
    assert guess_name(email) == name


@pytest.mark.parametrize(
    ("email", "country"),
    [
        ("a@x.de", "DE"),
        ("a@x.co.uk", "GB"),
        ("a@x.io", None),
        ("a@x.su", None),
        ("a@x.com", None),
        (None, None),
    ],
)
def test_a_top_level_domain_tells_a_country_where_it_does(
    email: str | None, country: str | None
) -> None:
    clues = {clue.field: clue.value for clue in find_clues(Known(email=email), [])}
    assert clues.get("country") == country


@given(st.text(max_size=40), st.text(max_size=40), st.none() | st.text(max_size=4))
def test_nothing_is_too_strange(name: str, email: str, country: str | None) -> None:
    clues = find_clues(Known(name, email, country, country), [_DANA_FOUND])
    assert all(0 < clue.confidence <= 1 and clue.source for clue in clues)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({}, "Send contact_id"),
        ({"contact_id": "nobody"}, "no contact nobody"),
        ({"contact_id": "nobody", "max_pages": 21}, "max_pages is a whole number from 0 to 20"),
    ],
)
async def test_what_is_wrong_is_said(
    database: Database, given_: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given_)
