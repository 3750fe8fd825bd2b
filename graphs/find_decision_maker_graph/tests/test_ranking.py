"""Who decides: by rank, department and size, with sentences that say why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.find_decision_maker_graph.ranking import Person, rank, weigh
from graphs.sales.titles import DEPARTMENTS

_NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def _rank(titles: list[str], employees: int | None, *departments: str) -> list[str]:
    people = [Person(title, title) for title in titles]
    return [each.contact_id for each in rank(people, employees, departments, _NOW)]


@pytest.mark.parametrize(
    ("titles", "employees", "departments", "first"),
    [
        (["Einkäufer", "Leiterin Einkauf", "CTO"], 400, ["procurement"], "Leiterin Einkauf"),
        (["Founder & CEO", "Head of Support"], 12, ["support"], "Founder & CEO"),
        (["CEO", "VP Customer Support"], 20_000, ["support"], "VP Customer Support"),
        (["Directeur des ventes", "Directrice marketing"], 9, ["sales"], "Directeur des ventes"),
        (["Assistant to the CEO", "Sales Manager"], 300, [], "Sales Manager"),
        (["Former CEO", "Jefe de compras"], 300, ["procurement"], "Jefe de compras"),
        (["Head of Sales", "Responsabile IT"], None, ["it"], "Responsabile IT"),
    ],
)  # fmt: skip
def test_the_one_who_decides_comes_first(
    titles: list[str], employees: int | None, departments: list[str], first: str
) -> None:
    assert _rank(titles, employees, *departments)[0] == first


def test_reasons_are_sentences_about_what_decided() -> None:
    person = Person("dana", "Head of Support", seen_at=_NOW - timedelta(days=700))
    found = weigh(person, 300, ["support"], _NOW)
    assert found.reasons == (
        'By "head of", "support" this is a head of department, in a company of 300.',
        "Works in support, which buys this.",
        "The title is from December 2024 and may have changed.",
    )
    assert weigh(Person("x", ""), None, [], _NOW).reasons == ("No title is known.",)


@pytest.mark.parametrize(("said", "decides"), [(True, True), (False, False)])
def test_what_somebody_noted_outweighs_the_title(said: bool, decides: bool) -> None:
    title = "Intern" if said else "CEO"
    found = weigh(Person("x", title, said=said), 300, ["finance"], _NOW)
    assert found.decides is decides
    assert found.reasons[0].startswith("Somebody here noted")


_TITLES = st.sampled_from(
    ["", "CEO", "Head of IT", "Leiter Vertrieb", "Account Manager", "Praktikant", "zzz", "VP Sales"]
)
_SIZES = st.none() | st.integers(1, 100_000)


@given(st.lists(_TITLES, max_size=8), _SIZES, st.lists(st.sampled_from(DEPARTMENTS), max_size=3))
def test_the_order_is_that_of_authority_whatever_order_they_come_in(
    titles: list[str], employees: int | None, departments: list[str]
) -> None:
    people = [Person(str(number), title) for number, title in enumerate(titles)]
    ranked = rank(people, employees, departments, _NOW)
    assert [each.authority for each in ranked] == sorted(
        (each.authority for each in ranked), reverse=True
    )
    assert ranked == rank(people[::-1], employees, departments, _NOW)
    assert all(0 <= each.authority <= 1 and each.reasons for each in ranked)


@given(_TITLES, _SIZES, st.sampled_from(DEPARTMENTS))
def test_another_department_never_adds_authority(
    title: str, employees: int | None, department: str
) -> None:
    person = Person("x", title)
    anywhere = weigh(person, employees, [], _NOW).authority
    assert weigh(person, employees, [department], _NOW).authority <= anywhere
