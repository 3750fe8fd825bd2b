"""icp_fit: what counts, what breaks a deal, and what is not known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.icp_fit_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.tables import Company, Fact, Product
from graphs.sales.scoring.fit import judge_fit, name_segment

_ICP: dict[str, Any] = {
    "industries": ["software"],
    "countries": ["DE"],
    "employees": {"min": 50, "max": 500},
    "technologies": ["Zendesk"],
    "exclude": {"countries": ["RU"], "employees": {"below": 5}},
}
_FITS = {"industry": "Software", "country": "DE", "employees": 80, "technologies": ["zendesk"]}


def test_a_company_that_matches_everything_fits_wholly() -> None:
    fit = judge_fit(_FITS, _ICP)
    assert (fit.fit, fit.tier, fit.known, fit.deal_breakers) == (1.0, "hot", 1.0, ())


def test_what_is_not_known_counts_half_and_is_said() -> None:
    fit = judge_fit({"industry": "software"}, _ICP)
    assert 0.5 < fit.fit < 1
    assert fit.known == pytest.approx(0.3)
    assert "The size is not known" in fit.reasons


@pytest.mark.parametrize(
    ("company", "words"),
    [
        ({"country": "RU"}, "The country is excluded: RU"),
        ({"employees": 3}, "Under 5 employees: 3"),
    ],
)
def test_a_deal_breaker_outweighs_everything(company: dict[str, Any], words: str) -> None:
    fit = judge_fit({**_FITS, **company}, _ICP)
    assert (fit.fit, fit.tier, fit.deal_breakers) == (0.0, "disqualified", (words,))


@pytest.mark.parametrize(
    ("employees", "mark"), [(50, 1.0), (500, 1.0), (40, 0.6), (25, 0.0), (750, 0.5), (2000, 0.0)]
)
def test_a_size_outside_the_range_counts_less_the_farther_it_is(
    employees: int, mark: float
) -> None:
    fit = judge_fit({"employees": employees}, {"employees": {"min": 50, "max": 500}})
    assert fit.fit == pytest.approx(mark)


def test_a_word_must_be_a_word_and_not_a_part_of_one() -> None:
    assert judge_fit({"industry": "farming"}, {"industries": ["arm"]}).fit == 0


@settings(deadline=None, max_examples=30)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "industry": st.sampled_from(["software", "mining"]),
            "country": st.sampled_from(["DE", "RU", "FR"]),
            "employees": st.integers(0, 10_000),
            "technologies": st.lists(st.sampled_from(["zendesk", "sap"])),
        },
    )
)
def test_a_fit_is_a_share_whatever_is_known(company: dict[str, Any]) -> None:
    fit = judge_fit(company, _ICP)
    assert 0 <= fit.fit <= 1
    assert 0 <= fit.known <= 1
    assert (fit.tier == "disqualified") == bool(fit.deal_breakers)


@pytest.mark.parametrize(
    ("company", "segment"),
    [
        ({"employees": 8, "category": "software"}, "micro software"),
        ({"employees": 240, "industry": "Retail"}, "midsize retail"),
        ({"employees": 5000}, "enterprise"),
        ({}, "unknown"),
    ],
)
def test_a_segment_is_size_and_field(company: dict[str, Any], segment: str) -> None:
    assert name_segment(company) == segment


async def test_company_and_product_are_read_from_the_database(
    database: Database, now: datetime
) -> None:
    async with database.begin() as session:
        stamps = {"created_at": now, "updated_at": now}
        session.add(Product(id="desk", name="Desk", icp=_ICP, created_at=now))
        session.add(Company(id="acme", name="Acme", industry="Software", country="DE", **stamps))
        await session.flush()
        tech = {"kind": "tech", "digest": "d", "value": {"name": "Zendesk"}}
        session.add(Fact(company_id="acme", found_at=now, **tech))
    answer = await graph.ainvoke({"company_id": "acme", "product_id": "desk"})
    assert answer["tier"] == "hot"
    assert "The technology fits" in answer["reasons"]
    assert answer["model_version"].startswith("rules@1+")
    assert answer["provenance"]["engine"] == "rules"


async def test_the_graph_says_what_the_rules_say() -> None:
    for company in (_FITS, {"industry": "software"}, {**_FITS, "country": "RU"}, {}):
        answer = await graph.ainvoke({"company": company, "icp": _ICP})
        fit = judge_fit(company, _ICP)
        assert (answer["fit"], answer["tier"], answer["known"]) == (fit.fit, fit.tier, fit.known)
        assert answer["reasons"] == list(fit.reasons)
        assert answer["deal_breakers"] == list(fit.deal_breakers)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"company_id": "no", "product_id": "no"}, "No company 'no'"),
        ({"company": _FITS, "product_id": "no"}, "No product 'no'"),
        ({"company": _FITS, "icp": {"industries": "software"}}, "icp.industries is a list"),
        ({"company": _FITS, "icp": {"employees": [1]}}, "icp.employees maps min and max"),
        ({"company": _FITS, "icp": {"weights": {"luck": 3}}}, "icp.weights maps any of"),
    ],
)
async def test_input_that_cannot_be_weighed_says_why(
    given_: dict[str, Any], words: str, database: Database
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given_)
