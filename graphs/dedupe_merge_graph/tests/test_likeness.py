"""Who is whom, by tables; and that comparing does not depend on the order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.dedupe_merge_graph.likeness import (
    Firm,
    Person,
    compare_firms,
    compare_names,
    compare_people,
)
from graphs.dedupe_merge_graph.pairing import MOST_IN_BLOCK, pair_firms, pair_people

_SITE = "acme.example"
_DANA = Person("1", "Dana Reyes", "dana.reyes@acme.example", company_id="acme")


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        ({"email": "dana.reyes+news@acme.example"}, "same"),
        ({"email": "Dana.Reyes+x@acme.example", "name": ""}, "same"),
        ({"email": "dana.reyes+x@acme.example", "name": "Eli Moss"}, "maybe"),
        ({"email": None}, "same"),
        ({"email": None, "name": "REYES, Dana"}, "same"),
        ({"email": None, "name": "Dana Réyes"}, "same"),
        ({"email": "dana.reyes@acme.test-1.example"}, "same"),
        ({"email": "dreyes@acme.example"}, "maybe"),
        ({"email": None, "name": "D. Reyes"}, "maybe"),
        ({"email": None, "name": "Danna Reyes"}, "maybe"),
        ({"email": "danna@acme.example", "name": "Danna Reyes"}, "different"),
        ({"email": None, "name": "Dana"}, "different"),
        ({"email": None, "company_id": "other"}, "different"),
        ({"email": "dana.reyes@other.example", "company_id": "other"}, "different"),
        ({"email": None, "name": "Eli Moss"}, "different"),
        ({"email": None, "name": ""}, "different"),
    ],
)
def test_people_are_compared_by_what_they_share(other: dict[str, Any], verdict: str) -> None:
    second = replace(_DANA, id="2", **other)
    assert compare_people(_DANA, second).verdict == verdict
    assert compare_people(second, _DANA).verdict == verdict


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("https://www.linkedin.com/in/dana/", "http://de.linkedin.com/in/dana?x=1", "same"),
        ("https://www.linkedin.com/in/dana", "https://www.linkedin.com/in/dana-2", "different"),
        ("https://www.linkedin.com/in/dana", "https://www.xing.com/profile/dana", "maybe"),
    ],
)
def test_profiles_tell_people_together_and_apart(one: str, other: str, verdict: str) -> None:
    first = replace(_DANA, profile_url=one)
    second = replace(_DANA, id="2", email="dreyes@acme.example", profile_url=other)
    assert compare_people(first, second).verdict == verdict


@pytest.mark.parametrize(
    ("name", "email", "verdict"),
    [
        ("Dana Reyes", "dana@home.example", "same"),
        ("Dana Reyes", "d.reyes@acme.example", "different"),
        ("Eli Moss", "eli@home.example", "different"),
    ],
)
def test_a_phone_number_counts_with_the_name_only(name: str, email: str, verdict: str) -> None:
    first = replace(_DANA, phone="+49 30 1234567-8")
    second = Person("2", name, email, "030 12345678")
    assert compare_people(first, second).verdict == verdict


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (("Acme", _SITE), ("Acme Inc.", None, f"https://www.{_SITE}/"), "same"),
        (("Acme", _SITE), ("Zebra", None, f"https://{_SITE}"), "maybe"),
        (("Acme", None, "facebook.com/a"), ("Bolt", None, "facebook.com/b"), "different"),
        (("Acme GmbH", "acme.de", None, "DE"), ("Acme G.m.b.H.", None, None, "DE"), "same"),
        (("Acme GmbH", "acme.de", None, "DE"), ("Acme AG", None, None, "DE"), "maybe"),
        (("Acme GmbH", "acme.de", None, "DE"), ("Acme",), "maybe"),
        (("Acme", "acme.de", None, "DE"), ("Acme", None, None, "US"), "different"),
        (("Acme", "acme.de", None, "DE"), ("Acme", "acme.com", None, "US"), "maybe"),
        (("Acme", "acme.de"), ("Acme", "getacme.com"), "maybe"),
        (("Northwind Traders",), ("Northwind Tradres",), "maybe"),
        (("Northwind Traders", "a.de"), ("Northwind Tradres", "b.de"), "different"),
        (("",), ("",), "different"),
    ],
)
def test_companies_are_compared_by_site_name_and_country(
    one: tuple[str, ...], other: tuple[str, ...], verdict: str
) -> None:
    assert compare_firms(Firm("1", *one), Firm("2", *other)).verdict == verdict
    assert compare_firms(Firm("2", *other), Firm("1", *one)).verdict == verdict


def test_pairs_are_found_without_comparing_everybody() -> None:
    others = [Person(f"x{n:04}", f"Person {n} Name", company_id=f"c{n}") for n in range(3000)]
    twin = replace(_DANA, id="2", email=None)
    found = pair_people([*others, _DANA, twin])
    assert [(pair.left_id, pair.right_id) for pair in found.pairs] == [("1", "2")]


def test_only_pairs_of_the_rows_asked_about_are_looked_for() -> None:
    twins = [replace(_DANA, id=str(n), email=None) for n in range(4)]
    assert len(pair_people(twins).pairs) == 6
    assert {pair.left_id for pair in pair_people(twins, ["0"]).pairs} == {"0"}


def test_a_key_that_everybody_shares_is_skipped_and_said() -> None:
    firms = [Firm(str(n), f"Global {n}") for n in range(MOST_IN_BLOCK + 1)]
    found = pair_firms(firms)
    assert (len(found.pairs), found.skipped) == (0, 1)


_WORDS = st.sampled_from(["dana", "d", "reyes", "danna", "reyes-moss", "é", "", "GmbH", "acme"])
_NAMES = st.lists(_WORDS, max_size=3).map(" ".join)
_PEOPLE = st.builds(
    Person,
    id=st.sampled_from("ab"),
    name=_NAMES,
    email=st.sampled_from([None, "dana@a.example", "dana+1@a.example", "x"]),
    phone=st.sampled_from([None, "+49301234567", "0301234567", "1"]),
    profile_url=st.sampled_from([None, "https://linkedin.com/in/a", "linkedin.com/in/b"]),
    company_id=st.sampled_from([None, "acme"]),
)
_FIRMS = st.builds(
    Firm,
    id=st.sampled_from("ab"),
    name=_NAMES,
    domain=st.sampled_from([None, "acme.de", "acme.com"]),
    website=st.sampled_from([None, "https://acme.de", "facebook.com/x"]),
    country=st.sampled_from([None, "DE", "US"]),
)


@given(_PEOPLE, _PEOPLE)
def test_people_are_alike_in_either_order(one: Person, other: Person) -> None:
    found = compare_people(one, other)
    assert found == compare_people(other, one)
    assert (found.verdict == "different") == (found.score == 0)


@given(_FIRMS, _FIRMS)
def test_companies_are_alike_in_either_order(one: Firm, other: Firm) -> None:
    found = compare_firms(one, other)
    assert found == compare_firms(other, one)
    assert (found.verdict == "different") == (found.score == 0)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_is_too_strange_to_be_compared(one: str, other: str) -> None:
    found = compare_names(one, other)
    assert found is None or 0 <= found <= 1
    assert found == compare_names(other, one)


@given(st.lists(_PEOPLE, max_size=12))
def test_whatever_shares_a_key_and_is_alike_is_found(people: list[Person]) -> None:
    numbered = [replace(person, id=str(n)) for n, person in enumerate(people)]
    found = {(pair.left_id, pair.right_id) for pair in pair_people(numbered).pairs}
    certain = {
        (one.id, other.id)
        for one in numbered
        for other in numbered
        if one.id < other.id and compare_people(one, other).verdict == "same"
    }
    assert certain <= found
