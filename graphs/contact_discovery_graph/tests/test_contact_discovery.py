"""contact_discovery on sites of a real HTTP server, into a real database."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from graphs.contact_discovery_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import suppress_address
from graphs.sales.data.tables import Contact
from site_server import SiteServer

_ACME = "companies: [{id: acme, name: Acme, domain: acme.example, country: GB}]"


async def list_contacts(database: Database) -> dict[str, Contact]:
    async with database.read() as session:
        return {row.name: row for row in await session.scalars(select(Contact))}


async def test_the_people_of_a_site_become_contacts_with_their_sources(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, _ACME, now)
    answer = await graph.ainvoke({"company_id": "acme", "now": now.isoformat()})
    assert (answer["inserted"], answer["skipped"], answer["updated"]) == (6, 0, 0)
    assert answer["by_source"] == {"data": 1, "card": 3, "line": 1, "address": 1}
    rows = await list_contacts(database)
    dana = rows["Dana Reyes"]
    assert dana.id in answer["inserted_ids"]
    assert (dana.email, dana.title) == ("dana.reyes@acme.example", "Chief Executive Officer")
    assert (dana.company_id, dana.country, dana.basis) == ("acme", "GB", "legitimate_interest")
    assert dana.provenance["title"] == {
        "source": "http://acme.example/", "at": now.isoformat(), "confidence": 0.95,
    }  # fmt: skip
    assert rows["James Fox"].provenance["name"]["confidence"] == 0.5
    assert rows["Hiroshi Tanaka"].email is None
    assert {row.email for row in rows.values()}.isdisjoint({"hello@acme.example"})


async def test_a_second_run_inserts_nobody(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, _ACME, now)
    await graph.ainvoke({"company_id": "acme"})
    before = await list_contacts(database)
    answer = await graph.ainvoke({"company_id": "acme"})
    assert (answer["inserted"], answer["updated"], answer["skipped"]) == (0, 0, 6)
    after = await list_contacts(database)
    assert {row.id: row.updated_at for row in before.values()} == {
        row.id: row.updated_at for row in after.values()
    }


async def test_what_a_person_said_stays_and_gaps_are_filled(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    known = """
contacts:
- {id: dana, name: Dana Reyes, title: Boss, company_id: acme}
- {id: other, name: Ola Berg, email: ola@elsewhere.example, company_id: acme}
"""
    await load_rows(database, _ACME + known, now)
    answer = await graph.ainvoke({"company_id": "acme"})
    assert (answer["inserted"], answer["updated"]) == (5, 1)
    async with database.read() as session:
        dana = await session.get_one(Contact, "dana")
        other = await session.get_one(Contact, "other")
    assert (dana.title, dana.email) == ("Boss", "dana.reyes@acme.example")
    assert other.email == "ola@elsewhere.example"


async def test_who_is_suppressed_does_not_come_back(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, _ACME, now)
    salt = await database.read_salt()
    async with database.begin() as session:
        address = "dana.reyes@acme.example"
        await suppress_address(session, address, salt, reason="erased", now=now)
    answer = await graph.ainvoke({"company_id": "acme"})
    assert answer["rejected"] == [{"reason": "Suppressed", "n": 1}]
    assert "Dana Reyes" not in await list_contacts(database)


async def test_a_site_in_other_languages_and_markup_gives_its_people(
    sites: SiteServer, database: Database, now: datetime
) -> None:
    rows = """
companies:
- {id: lune, name: Atelier Lune, website: "http://atelier-lune.example/"}
- {id: harbor, name: Harbor, domain: harbor.example}
"""
    await load_rows(database, rows, now)
    for company_id in ("lune", "harbor"):
        await graph.ainvoke({"company_id": company_id})
    assert set(await list_contacts(database)) == {
        "Élodie Lefèvre", "Théo D’Alembert", "Jan van der Meer",
    }  # fmt: skip


@pytest.mark.parametrize("host", ["fortress", "closed", "gone"])
async def test_a_site_that_cannot_be_read_inserts_nobody_and_says_why(
    sites: SiteServer, database: Database, now: datetime, host: str
) -> None:
    await load_rows(database, f"companies: [{{id: x, name: X, domain: {host}.example}}]", now)
    answer = await graph.ainvoke({"company_id": "x"})
    assert (answer["inserted"], answer["pages"], len(answer["unread"])) == (0, 0, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "Send company_id"), ({"company_id": "nosuch"}, "no company nosuch"),
     ({"company_id": "x", "max_pages": 0}, "whole number from 1 to 50")],
)  # fmt: skip
async def test_invalid_input_says_what_to_send(
    database: Database, given: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
