"""vertical_discovery on sites and a search service of a real HTTP server, into a real database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from graphs.sales.data import Database
from graphs.sales.data.tables import Company
from graphs.sales.discovery.search import URL
from graphs.vertical_discovery_graph import graph
from graphs.vertical_discovery_graph.definitions import FOLDER, list_files, load_vertical
from graphs.vertical_discovery_graph.fitting import Fit, check_signs, fit_by_rules
from site_server import SiteServer

_OWN = """
name = "Robots"
category = "Robots"
directories = ["http://directory.example/"]
least = 1
signs = ["robot", "crane"]
against = ["breweries"]
"""


@pytest.fixture
def search(sites: SiteServer, monkeypatch: pytest.MonkeyPatch) -> SiteServer:
    monkeypatch.setenv(URL, "http://search.example/search?q={query}&format=json&pageno={page}")
    return sites


async def list_companies(database: Database) -> dict[str | None, Company]:
    async with database.read() as session:
        return {row.domain: row for row in await session.scalars(select(Company))}


async def test_companies_of_a_vertical_are_found_judged_and_kept_once(
    search: SiteServer, database: Database, now: datetime
) -> None:
    given = {"vertical_slug": "warehouse-automation", "now": now.isoformat()}
    answer = await graph.ainvoke(given)
    acme = next(each for each in answer["candidates"] if each["domain"] == "acme.example")
    assert acme["fits"]
    assert {"picking robot", "warehouses"} <= set(acme["signs"])
    assert acme["provenance"]["engine"] == "rules"
    rows = await list_companies(database)
    assert rows["acme.example"].category == "Warehouse automation"
    assert rows["acme.example"].provenance["category"]["source"] == "http://acme.example/"
    reasons = {each["domain"]: each["reason"] for each in answer["rejected"]}
    assert reasons["spa.example"] == "NeedsJavascript"
    assert reasons["fortress.example"] == "Refused"
    assert set(answer["inserted_ids"]) == {row.id for row in rows.values()}

    again = await graph.ainvoke(given)
    assert again["inserted_ids"] == []
    assert set(again["skipped_existing"]) == set(answer["inserted_ids"])


async def test_a_vertical_of_another_language_is_judged_by_its_words(
    search: SiteServer, database: Database
) -> None:
    answer = await graph.ainvoke({"vertical_slug": "brewery-equipment"})
    (fitting,) = [each for each in answer["candidates"] if each["fits"]]
    assert fitting["domain"] == "brauwerk.example"
    assert fitting["signs"] == ["brauereien", "gärtank", "läuterbottich", "würzepfanne"]


async def test_a_vertical_of_the_pool_needs_no_search_service(
    sites: SiteServer, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(URL, raising=False)
    monkeypatch.setenv(FOLDER, str(tmp_path))
    (tmp_path / "robots.toml").write_text(_OWN)
    answer = await graph.ainvoke({"vertical_slug": "robots"})
    assert set(await list_companies(database)) == {"acme.example", "harbor.example"}
    assert [(each["source"], each["message"]) for each in answer["sources"]] == [
        ("http://directory.example/", "")
    ]
    reasons = {each["domain"]: each["reason"] for each in answer["rejected"]}
    assert reasons["gone.example"] == "NotFound"


async def test_without_any_source_the_run_says_what_to_set(
    sites: SiteServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(ValueError, match="Set SALES_SEARCH_URL in the pool's environment"):
        await graph.ainvoke({"vertical_slug": "dental-clinics"})


async def test_an_unknown_vertical_names_those_there_are(database: Database) -> None:
    with pytest.raises(ValueError, match="there are brewery-equipment, dental-clinics"):
        await graph.ainvoke({"vertical_slug": "../../etc/passwd"})


@pytest.mark.parametrize("slug", sorted(list_files({})))
def test_every_vertical_of_the_folder_can_be_read(slug: str) -> None:
    vertical = load_vertical(slug, {})
    assert vertical.queries
    assert all(each == each.lower() for each in vertical.signs)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "cannot be read"),
        ('name = "x y"', "category: Field required"),
        (_OWN + "more = 1", "more: Extra inputs"),
        (_OWN.replace("1", "99"), "least: Input should be"),
    ],
)
def test_a_vertical_that_is_wrong_says_where(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ValueError, match=words):
        load_vertical("bad", {FOLDER: str(tmp_path)})


def test_a_folder_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="SALES_VERTICALS is '/nowhere'"):
        list_files({FOLDER: "/nowhere"})


def test_a_word_against_outweighs_the_others() -> None:
    given = {"signs": ["robot"], "against": ["job board"], "least": 1}
    assert fit_by_rules({**given, "page": "Robots and a robot"}).fits
    assert not fit_by_rules({**given, "page": "The job board for robots"}).fits
    assert not fit_by_rules({**given, "page": "A microrobot"}).fits


def test_a_sign_that_the_page_does_not_say_is_refused() -> None:
    fit = Fit(fits=True, confidence=1, signs=["Picking  robots", "cranes"], reason="x")
    assert check_signs(fit, {"page": "We make picking robots."}) == [
        "The page does not say 'cranes'."
    ]
