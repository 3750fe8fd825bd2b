"""Countries, however they are written."""

from __future__ import annotations

import pytest

from graphs.sales.countries import read_country


@pytest.mark.parametrize(
    ("text", "code"),
    [("de", "DE"), (" DEU ", "DE"), ("276", "DE"), ("Deutschland", "DE"), ("BRD", "DE"),
     ("The Netherlands", "NL"), ("U.S.A.", "US"), ("états-unis", "US"), ("España", "ES"),
     ("UK", "GB"), ("U.K.", "GB"), ("United  Kingdom", "GB"), ("UAE", "AE"), ("Turkey", "TR"),
     ("Türkei", "TR"), ("Tyskland", "DE")],
)  # fmt: skip
def test_a_country_is_read_however_it_is_written(text: str, code: str) -> None:
    assert read_country(text) == code


@pytest.mark.parametrize(
    "text",
    ["", "Atlantis", "XX", "EU", "European Union", "Europäische Union", "United Nations", "ZZ",
     "XA", "Unknown Region", "EURO"],
)  # fmt: skip
def test_unions_and_other_words_are_no_country(text: str) -> None:
    assert read_country(text) is None
