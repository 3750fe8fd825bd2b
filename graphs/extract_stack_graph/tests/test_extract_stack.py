"""extract_stack on texts, on pages of a real HTTP server, and on headers."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graphs.extract_stack_graph import graph
from graphs.extract_stack_graph.fingerprints import Signals, find_tech, load_fingerprints
from graphs.extract_stack_graph.signals import read_signals
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Fact
from graphs.sales.web.settings import CONNECT_TO, GAP
from site_server import SiteServer, running_site_server

_PAGE = """<html><head><meta name="Generator" content="WordPress 6.4.2">
<script src="https://www.googletagmanager.com/gtm.js?id=GTM-1"></script>
<script src="/wp-includes/js/jquery/jquery.min.js?ver=3.7.1"></script></head>
<body><p>We sell tea.</p></body></html>"""
_ANSWERS = """
["/"]
file = "index.html"
headers = {CF-Ray = "8f1", X-Powered-By = "PHP/8.2.1", Set-Cookie = "_ga=1; Path=/"}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "sites" / "shop.example"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(_PAGE)
    (folder / "answers.toml").write_text(_ANSWERS)
    with running_site_server(folder.parent) as server:
        monkeypatch.setenv(CONNECT_TO, server.connect_to)
        monkeypatch.setenv(GAP, "0")
        yield server


async def test_a_page_tells_what_it_is_made_with(database: Database, shop: SiteServer) -> None:
    answer = await graph.ainvoke({"url": "shop.example"})
    found = {tech["name"]: tech for tech in answer["tech"]}
    assert found["WordPress"]["version"] == "6.4.2"
    assert found["PHP"]["version"] == "8.2.1"
    assert found["Cloudflare"]["evidence"] == ["header cf-ray: 8f1"]
    assert {"Google Tag Manager", "Google Analytics", "jQuery"} <= set(found)
    assert (answer["source"], answer["unread"]) == ("http://shop.example/", None)


async def test_what_is_found_is_kept_with_the_company_once(
    database: Database, shop: SiteServer, now: datetime
) -> None:
    rows = {"companies": [{"id": "shop", "name": "Shop", "domain": "shop.example"}]}
    await load_rows(database, json.dumps(rows), now)
    first = await graph.ainvoke({"company_id": "shop"})
    second = await graph.ainvoke({"company_id": "shop"})
    assert (first["stored"], second["stored"]) == (len(first["tech"]), 0)
    async with database.read() as session:
        facts = (await session.scalars(select(Fact).where(Fact.kind == "tech"))).all()
    assert {fact.value["name"] for fact in facts} == {tech["name"] for tech in first["tech"]}
    assert all(fact.source == "http://shop.example/" and fact.evidence for fact in facts)


async def test_a_page_that_cannot_be_read_is_said_and_no_failure(
    database: Database, sites: SiteServer
) -> None:
    answer = await graph.ainvoke({"url": "http://acme.example/no-such-page"})
    assert (answer["tech"], answer["stored"]) == ([], 0)
    assert "404" in answer["unread"]


async def test_an_advert_names_technologies_in_its_words(database: Database) -> None:
    text = "You have years of experience with React, PostgreSQL and Kubernetes on AWS."
    answer = await graph.ainvoke({"text": text})
    assert {tech["name"] for tech in answer["tech"]} == {"React", "PostgreSQL", "Kubernetes", "AWS"}
    assert all(tech["evidence"][0].removeprefix("text ") in text for tech in answer["tech"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We React to change and go to market.", set()),
        ("JavaScript on every page", set()),
        ("Services written in Go", {"Go"}),
        ("Our workdays are long", set()),
        ("Java and C# and C++", {"Java", "C#", "C++"}),
        ("Wir suchen Erfahrung mit SAP S/4HANA", {"SAP"}),
        ("ASP.NET Core", {"ASP.NET"}),
    ],
)
def test_words_that_only_look_like_names_are_left_alone(text: str, names: set[str]) -> None:
    assert {tech.name for tech in find_tech(Signals(text=text))} == names


@pytest.mark.parametrize(
    ("header", "value", "name", "version"),
    [
        ("Server", "Microsoft-IIS/10.0", "IIS", "10.0"),
        ("X-AspNet-Version", "4.0.30319", "ASP.NET", "4.0.30319"),
        ("Server", "nginx/1.25.3", "nginx", "1.25.3"),
        ("X-Powered-By", "Express", "Express", None),
        ("Set-Cookie", "laravel_session=x; HttpOnly", "Laravel", None),
    ],
)
def test_headers_tell(header: str, value: str, name: str, version: str | None) -> None:
    found = find_tech(read_signals("<p>x</p>", httpx.Headers([(header, value)])))
    assert (name, version) in {(tech.name, tech.version) for tech in found}


def test_what_one_technology_implies_is_there_a_little_less_surely() -> None:
    found = {tech.name: tech for tech in find_tech(Signals(links=("/_next/static/x.js",)))}
    assert found["React"].evidence == ("implied by Next.js",)
    assert found["React"].confidence < found["Next.js"].confidence


def test_several_kinds_of_hits_make_it_surer_than_several_of_one() -> None:
    links = ("https://cdn.shopify.com/a.js", "https://cdn.shopify.com/b.js")
    one = find_tech(Signals(links=links))[0]
    two = find_tech(Signals(links=links, cookies=("_shopify_s",)))[0]
    assert one.confidence == 0.9
    assert two.confidence > one.confidence


def test_hidden_text_names_nothing() -> None:
    html = "<body><p hidden>Kubernetes</p><script>var x='React'</script><p>Tea</p></body>"
    assert find_tech(read_signals(html)) == []


def test_every_fingerprint_has_a_way_to_be_seen_and_implies_what_there_is() -> None:
    table = load_fingerprints()
    for name, each in table.items():
        assert set(each.implies) <= set(table), name
        ways = [each.headers, each.generators, each.links, each.cookies, each.html, each.text]
        assert any(ways), name


@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=4))
def test_no_page_is_too_strange(text: str, links: list[str]) -> None:
    found = find_tech(Signals(html=text, text=text, links=links, headers={"server": text}))
    assert all(0 < tech.confidence <= 1 and tech.evidence for tech in found)


@pytest.mark.parametrize("repeated", ["a ", "React", "<", 'class="', "support "])
def test_long_pages_are_read_in_time_that_grows_with_them(repeated: str) -> None:
    """A pattern that goes back over the page at every place would not end within the limit."""
    text = repeated * (400_000 // len(repeated))
    assert isinstance(find_tech(Signals(html=text, text=text)), list)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({}, "Send text or url, or the company_id"),
        ({"text": "x", "url": "acme.example"}, "not both"),
        ({"text": "x" * 200_001}, "200000 is the most"),
        ({"text": "React", "company_id": "nobody"}, "no company nobody"),
        ({"company_id": "bare"}, "company bare has neither website nor domain"),
    ],
)
async def test_what_is_wrong_is_said(
    database: Database, now: datetime, given_: dict[str, Any], words: str
) -> None:
    await load_rows(database, "companies: [{id: bare, name: Bare}]", now)
    with pytest.raises(ValueError, match=re.escape(words)):
        await graph.ainvoke(given_)
