"""signal_watch on sites of a real HTTP server, into a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from graphs.sales.data import Database
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Fact
from graphs.sales.lookup import find_company
from graphs.sales.web.settings import CONNECT_TO, GAP
from graphs.signal_watch_graph import graph
from site_server import SiteServer, running_site_server

_ROWS = """
companies:
  - {id: acme, name: Acme, domain: acme.example}
  - {id: away, name: Away, domain: away.invalid}
  - {id: none, name: None}
contacts: [{id: dana, company_id: acme, name: Dana Reyes, email: dana@acme.example}]
"""
_FILES = {
    "index.html": '<h1>Acme</h1><a href="/news">News</a><a href="/careers">Careers</a>'
    '<a href="/blog">Blog</a>',
    "news.html": "<h1>News</h1><h2>Acme raises $12M Series A</h2><p>2 November 2026</p>"
    "<h2>Acme appoints Dana Reyes as Chief Revenue Officer</h2><p>2 November 2026</p>",
    "careers.html": '<h1>Careers</h1><a href="/jobs/1">Head of Support</a>',
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SiteServer]:
    """A site with news and a job; its blog is not there."""
    folder = tmp_path / "sites" / "acme.example"
    folder.mkdir(parents=True)
    for name, html in _FILES.items():
        (folder / name).write_text(f"<html><body><main>{html}</main></body></html>")
    with running_site_server(tmp_path / "sites") as server:
        monkeypatch.setenv(CONNECT_TO, server.connect_to)
        monkeypatch.setenv(GAP, "0")
        yield server


async def _watch(now: datetime, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await graph.ainvoke({"now": now.isoformat(), **given})
    return answer


async def test_what_happened_becomes_facts_that_mails_can_speak_of(
    site: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, _ROWS, now)
    first = await _watch(now, company_ids=["acme"])
    assert {(each["kind"], each["at"], each["is_new"]) for each in first["signals"]} == {
        ("funding", "2026-11-02", True),
        ("leadership", "2026-11-02", True),
        ("hiring", None, True),
    }
    assert (first["new"], first["pages"], first["unread"]) == (3, 3, [])
    again = await _watch(now, company_ids=["acme", "acme"], kinds=["hiring"])
    (job,) = again["signals"]
    assert (job["is_new"], job["evidence"], again["new"]) == (False, "Head of Support", 0)
    company = await find_company(database, "acme")
    assert company is not None
    assert "hiring a Head of Support" in company["signals"]


async def test_who_was_erased_is_not_stored_again_by_the_news(
    site: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, _ROWS, now)
    await _watch(now, company_ids=["acme"])
    assert (await erase_contact(database, "dana", now)).facts == 1
    answer = await _watch(now, company_ids=["acme"])
    assert {each["kind"] for each in answer["signals"]} == {"funding", "hiring"}
    async with database.read() as session:
        facts = (await session.scalars(select(Fact))).all()
    assert not any("Dana" in str((fact.value, fact.evidence)) for fact in facts)


async def test_a_site_that_cannot_be_read_costs_itself_alone(
    site: SiteServer, database: Database, now: datetime
) -> None:
    await load_rows(database, _ROWS, now)
    answer = await _watch(now, company_ids=["away", "acme"])
    assert [each["company_id"] for each in answer["unread"]] == ["away"]
    assert answer["unread"][0]["reason"] == "Unreachable"
    assert answer["new"] == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send company_ids"),
        ({"company_ids": []}, "Send company_ids"),
        ({"company_ids": [str(n) for n in range(51)]}, "51 companies; 50 is the most"),
        ({"company_ids": ["nobody"]}, "no company nobody"),
        ({"company_ids": ["none"]}, "neither website nor domain"),
        ({"company_ids": ["acme"], "kinds": ["war"]}, "kinds is a list of any of acquisition"),
        ({"company_ids": ["acme"], "since_days": 0}, "since_days is a whole number from 1 to 730"),
        ({"company_ids": ["acme"], "max_pages": 21}, "max_pages is a whole number from 1 to 20"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, now: datetime, given: dict[str, Any], words: str
) -> None:
    await load_rows(database, _ROWS, now)
    with pytest.raises(ValueError, match=words):
        await _watch(now, **given)
