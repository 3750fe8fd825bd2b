"""Likeness of companies: what counts, how much, and the sentences for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.lookalike_discovery_graph.likeness import (
    Profile,
    compare,
    make_rarity,
    may_be_same,
    rank,
    read_words,
)

_ACME = Profile(
    "acme", "Acme", "acme.example", "Software", "saas", "201-500", 300, "DE",
    frozenset({"Zendesk", "Google Analytics"}), read_words("Helpdesk software for retailers"),
)  # fmt: skip


def test_the_most_alike_come_first_with_their_reasons() -> None:
    near = Profile(
        "near", "Nordic Desk", "", "Software Development", "saas", "", 250, "DK",
        frozenset({"Zendesk"}), read_words("A helpdesk for online retailers"),
    )  # fmt: skip
    far = Profile("far", "Mill", "", "Agriculture", "food", "", 4000, "DE")
    found = rank(_ACME, [far, near], least=0.0)
    assert [each.profile.company_id for each in found] == ["near", "far"]
    assert sorted(found[0].why) == [
        "Both are saas.",
        'Both describe themselves with "helpdesk" and "retailers".',
        "Both use Zendesk.",
        "Their industries are near: Software and Software Development.",
        "They are of similar size: 300 and 250 people.",
    ]
    assert found[1].why == ("Both are in DE.",)


def test_what_few_have_tells_more_than_what_all_have() -> None:
    seed = Profile("seed", "S", technologies=frozenset({"Analytics", "Rare"}))
    common = [Profile(f"c{n}", f"C{n}", technologies=frozenset({"Analytics"})) for n in range(9)]
    rare = Profile("rare", "R", technologies=frozenset({"Rare"}))
    assert rank(seed, [*common, rare], least=0.0)[0].profile is rare


def test_what_nobody_knows_of_the_first_does_not_count() -> None:
    seed = Profile("seed", "S", country="DE")
    other = Profile("other", "O", industry="Software", country="de")
    assert compare(seed, other, make_rarity([seed, other])).similarity == 1.0


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (Profile("a", "Acme"), Profile("b", "ACME"), True),
        (Profile("a", "Acme Group"), Profile("b", "Group Acme"), True),
        (Profile("a", "Acme", "a.example"), Profile("b", "Other", "a.example"), True),
        (Profile("a", "Acme"), Profile("b", "Acne Studios"), False),
    ],
)
def test_rows_that_may_be_one_company_are_told_apart(
    one: Profile, other: Profile, is_same: bool
) -> None:
    assert may_be_same(one, other) is is_same


_WORDS = st.frozensets(st.sampled_from(["Zendesk", "Shopify", "SAP", "Rails"]))
_PROFILE = st.builds(
    Profile,
    company_id=st.uuids().map(str),
    name=st.just("X"),
    industry=st.sampled_from(["", "Software", "software development", "Retail"]),
    category=st.sampled_from(["", "saas", "shop"]),
    size=st.sampled_from(["", "11-50"]),
    employees=st.none() | st.integers(1, 10**6),
    country=st.sampled_from(["", "DE", "FR"]),
    technologies=_WORDS,
    words=_WORDS,
)


@given(_PROFILE, st.lists(_PROFILE, max_size=6))
def test_similarity_is_from_0_to_1_and_the_order_of_rows_does_not_matter(
    seed: Profile, others: list[Profile]
) -> None:
    found = rank(seed, others, least=0.0)
    assert all(0 <= each.similarity <= 1 and each.why for each in found)
    assert found == rank(seed, others[::-1], least=0.0)


@given(_PROFILE, _PROFILE)
def test_nobody_is_more_like_a_company_than_itself(seed: Profile, other: Profile) -> None:
    rarity = make_rarity([seed, other])
    itself = compare(seed, seed, rarity).similarity
    assert itself in (0.0, 1.0)
    assert compare(seed, other, rarity).similarity <= itself
