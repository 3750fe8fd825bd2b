"""company_qa: each flag by the smallest row that earns it, and whole companies of a database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from graphs.company_qa_graph import graph
from graphs.company_qa_graph.checks import Surroundings, check_company, make_name_key
from graphs.sales.data import Database
from graphs.sales.data.tables import Company, Contact

_FIELDS = ("name", "domain", "category", "employees", "description", "country")


def _make(now: datetime, **values: Any) -> Company:
    """A company with nothing wrong, but for `values`."""
    stamp = {"source": "https://acme.example", "at": now.isoformat(), "confidence": 0.9}
    good = {
        "id": "acme", "name": "Acme", "domain": "acme.example", "website": "https://acme.example",
        "country": "DE", "category": "software", "employees": 80, "size": "51-200",
        "description": "Acme makes software for the support teams of small shops.",
        "provenance": dict.fromkeys(_FIELDS, stamp), "enriched_at": now - timedelta(days=9),
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    return Company(**{**good, **values})


def _flags(row: Company, now: datetime, **around: Any) -> set[str]:
    surroundings = Surroundings(**{"addresses": ("a@acme.example",), **around})
    return {flag.flag for flag in check_company(row, surroundings, now)}


def test_a_good_company_has_no_flag(now: datetime) -> None:
    assert _flags(_make(now), now) == set()


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({"name": "N/A"}, "NoName"),
        ({"name": "acme.example"}, "NameIsDomain"),
        ({"name": "Acme &amp; Sons"}, "NameIsMarkup"),
        ({"name": "ACME INDUSTRIES GROUP"}, "NameIsShouted"),
        ({"domain": None}, "NoDomain"),
        ({"domain": "acme"}, "BadDomain"),
        ({"domain": "gmail.com", "website": None}, "FreeMailDomain"),
        ({"domain": "facebook.com", "website": None}, "ForeignDomain"),
        ({"website": "https://other.example"}, "OtherWebsite"),
        ({"country": "de"}, "BadCountry"),
        ({"country": None}, "NoCountry"),
        ({"category": None}, "NoCategory"),
        (
            {"description": "This domain is for sale. Contact us at the address below."},
            "Placeholder",
        ),
        ({"description": "Software."}, "ShortDescription"),
        ({"employees": 0}, "BadSize"),
        ({"employees": 5}, "SizeMismatch"),
        ({"size": "1,000+"}, "SizeMismatch"),
        ({"provenance": {}}, "NoSource"),
        ({"enriched_at": None}, "NeverEnriched"),
        ({"enriched_at": datetime.fromisoformat("2025-01-01T00:00:00Z")}, "Stale"),
        ({"merged_into": "other"}, "Merged"),
    ],
)
def test_what_is_wrong_with_a_row_is_flagged(
    values: dict[str, Any], flag: str, now: datetime
) -> None:
    assert flag in _flags(_make(now, **values), now)


def test_a_guess_is_flagged_as_one(now: datetime) -> None:
    row = _make(now)
    row.provenance = {**row.provenance, "employees": {"confidence": 0.2}}
    assert _flags(row, now) == {"Unsure"}


@pytest.mark.parametrize("website", ["http://www.acme.example/", "https://shop.acme.example"])
def test_a_website_of_the_domain_is_no_other(website: str, now: datetime) -> None:
    assert _flags(_make(now, website=website), now) == set()


@pytest.mark.parametrize(
    ("around", "flag"),
    [
        ({"addresses": ()}, "NoContacts"),
        ({"addresses": ("",)}, "NoAddresses"),
        ({"addresses": ("a@x.example", "b@x.example", "c@acme.example")}, "OtherMailDomain"),
        ({"same_name": 2}, "SameName"),
    ],
)
def test_other_rows_tell_of_a_company_too(around: dict[str, Any], flag: str, now: datetime) -> None:
    assert _flags(_make(now), now, **around) == {flag}


@pytest.mark.parametrize("name", ["Acme GmbH", "ACME", "Acme, Inc.", "acme Sp. z o.o."])
def test_a_legal_form_makes_no_other_name(name: str) -> None:
    assert make_name_key(name) == "acme"


async def test_companies_pass_or_fail(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        session.add(_make(now))
        session.add(_make(now, id="twin", name="ACME Ltd", domain="acme.test", website=None))
        session.add(_make(now, id="bad", name="Bad", domain=None, website=None))
        await session.flush()
        stamps = {"created_at": now, "updated_at": now}
        session.add(Contact(id="dana", company_id="acme", email="d@acme.example", **stamps))
    ids = ["acme", "twin", "bad", "nobody", "acme"]
    answer = await graph.ainvoke({"company_ids": ids, "now": now.isoformat()})
    assert (answer["pass"], answer["fail"]) == (2, 2)
    found = {(flag["company_id"], flag["flag"]) for flag in answer["flags"]}
    assert {("acme", "SameName"), ("twin", "SameName"), ("twin", "NoContacts")} <= found
    assert {("bad", "NoDomain"), ("nobody", "Missing")} <= found


@pytest.mark.parametrize(
    ("ids", "words"), [(None, "Send company_ids"), ([], "Send"), (["a"] * 501, "more than 500")]
)
async def test_input_that_cannot_be_used_says_why(ids: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke({"company_ids": ids})
