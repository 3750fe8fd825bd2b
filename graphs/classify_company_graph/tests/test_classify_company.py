"""classify_company: categories by words, and what a text must be."""

from __future__ import annotations

from typing import Any

import pytest

from graphs.classify_company_graph import Reading, check_category, graph
from graphs.sales.categories import CATEGORIES, choose_category


@pytest.mark.parametrize(
    ("name", "website", "description", "category"),
    [
        ("Hotel Krone", "", "", "hospitality"),
        ("Acme", "acme.example", "Wir sind Hersteller von Pumpen.", "manufacturing"),
        ("Acme", "https://acme.edu/about", "", "education"),
        ("Acme", "", "Oprogramowanie dla firm.", "software"),
        ("Acme", "acme.example", "Welcome to our page.", "unknown"),
    ],
)
async def test_words_say_what_a_company_does(
    name: str, website: str, description: str, category: str
) -> None:
    given = {"name": name, "website": website, "description": description}
    answer = await graph.ainvoke(given)
    assert answer["category"] == category
    assert bool(answer["reasons"]) == (category != "unknown")
    assert answer["model_version"].startswith("rules@")


def test_who_buys_says_less_than_what_is_sold() -> None:
    assert choose_category("Acme", "", "Software for hospitals.").category == "software"


def test_more_words_make_it_surer() -> None:
    one = choose_category("Acme", "", "A hotel.")
    more = choose_category("Acme", "", "A hotel with a restaurant and guests in 40 rooms.")
    assert one.confidence < more.confidence <= 1


def test_a_model_may_not_make_up_a_category() -> None:
    assert check_category(Reading(category="magic", confidence=1), {})
    assert not check_category(Reading(category=CATEGORIES[0], confidence=1), {})


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "Send name"), ({"description": "word " * 5000}, "over 20000 characters")],
)
async def test_input_that_cannot_be_read_says_what_to_send(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
