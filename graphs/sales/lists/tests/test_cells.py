"""Cells as people and spreadsheets write them, and as the database keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.lists import cells
from graphs.sales.lists.cells import InvalidCell


@pytest.mark.parametrize(
    ("read", "cell", "value"),
    [
        (cells.read_text, "  Head\u00a0of \n Support ", "Head of Support"),
        (cells.read_text, "n/a", None),
        (cells.read_text, '="0049"', "0049"),
        (cells.read_text, "'+49", "+49"),
        (cells.read_text, "zero\u200bwidth", "zerowidth"),
        (cells.read_text, "Cafe\u0301", "Café"),
        (cells.read_email, " Dana@ACME.example ", "dana@acme.example"),
        (cells.read_email, "Dana Reyes <dana@acme.example>", "dana@acme.example"),
        (cells.read_email, "mailto:dana@acme.example", "dana@acme.example"),
        (cells.read_email, "dana@acme.example; d@b.example", "dana@acme.example"),
        (cells.read_email, "dana@bücher.example", "dana@xn--bcher-kva.example"),
        (cells.read_name, "REYES, DANA", "Dana Reyes"),
        (cells.read_name, "Dr. Hans-Peter van der Berg", "Dr. Hans-Peter van der Berg"),
        (cells.read_name, "李小龙", "李小龙"),
        (cells.read_name, "12345", None),
        (cells.read_domain, "https://www.Acme.example/about?x=1", "acme.example"),
        (cells.read_domain, "bücher.example", "xn--bcher-kva.example"),
        (cells.read_profile, "linkedin.com/in/dana/", "https://www.linkedin.com/in/dana"),
        (
            cells.read_profile,
            "http://de.linkedin.com/in/dana?trk=1#x",
            "https://www.linkedin.com/in/dana",
        ),
        (cells.read_country, "Deutschland", "DE"),
        (cells.read_country, "deu", "DE"),
        (cells.read_country, "U.K.", "GB"),
        (cells.read_country, "États-Unis", "US"),
        (cells.read_language, "de-AT", "de"),
        (cells.read_language, "German", "de"),
        (cells.read_language, "deutsch", "de"),
        (cells.read_timezone, "Europe/Berlin", "Europe/Berlin"),
        (cells.read_consent, "Ja", "yes"),
        (cells.read_consent, "2026-03-01T10:00:00Z", "2026-03-01"),
        (cells.read_consent, "no", None),
    ],
)
def test_a_cell_is_kept_as_one_spelling(
    read: Callable[[object], Any], cell: str, value: object
) -> None:
    assert read(cell) == value


@pytest.mark.parametrize(
    ("read", "cell", "words"),
    [
        (cells.read_text, "x" * 301, "301 characters; 300 is the most"),
        (cells.read_email, "dana(at)acme", "no mail address"),
        (cells.read_email, "no-reply@acme.example", "nobody reads"),
        (cells.read_domain, "localhost", "no domain"),
        (cells.read_domain, "a..b", "no domain"),
        (cells.read_profile, "javascript:alert(1)", "no web address"),
        (cells.read_profile, "https://x:y@acme.example", "no web address"),
        (cells.read_profile, "http://[", "no web address"),
        (cells.read_country, "Narnia", "no country; write its code"),
        (cells.read_country, "EU", "no country"),
        (cells.read_language, "Quenya!", "no language"),
        (cells.read_timezone, "CET+1", "no time zone"),
        (cells.read_consent, "maybe", "neither yes, no nor a day"),
    ],
)
def test_what_cannot_be_kept_is_told_without_quoting_it(
    read: Callable[[object], Any], cell: str, words: str
) -> None:
    with pytest.raises(InvalidCell, match=words) as raised:
        read(cell)
    assert cell not in str(raised.value)


@pytest.mark.parametrize(
    ("cell", "country", "number"),
    [
        ("+49 (0)30 901820", None, "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("(415) 555-2671", "US", "+14155552671"),
    ],
)
def test_phone_numbers_are_international(cell: str, country: str | None, number: str) -> None:
    assert cells.read_phone(cell, country) == number


@pytest.mark.parametrize(
    ("cell", "country", "words"),
    [
        ("030 901820", None, "names no country"),
        ("call me", "DE", "no phone"),
        ("1", "DE", "no phone"),
    ],
)
def test_a_phone_number_of_nowhere_is_told(cell: str, country: str | None, words: str) -> None:
    with pytest.raises(InvalidCell, match=words):
        cells.read_phone(cell, country)


@pytest.mark.parametrize("cell", ["", "no", "FALSE", "0", "n/a"])
def test_no_opt_out_is_none(cell: str) -> None:
    assert not cells.read_opt_out(cell)


@pytest.mark.parametrize("cell", ["yes", "TRUE", "1", "x", "2026-01-02 10:00", "hard bounce"])
def test_any_other_word_is_an_opt_out(cell: str) -> None:
    assert cells.read_opt_out(cell)


_READERS = (
    cells.read_text, cells.read_email, cells.read_name, cells.read_domain, cells.read_profile,
    cells.read_country, cells.read_language, cells.read_timezone, cells.read_consent,
    lambda cell: cells.read_phone(cell, "DE"),
)  # fmt: skip


@given(st.text(max_size=60), st.sampled_from(_READERS))
def test_a_cell_is_read_or_refused_and_its_value_reads_as_itself(
    cell: str, read: Callable[[object], Any]
) -> None:
    try:
        value = read(cell)
    except InvalidCell:
        return
    assert value is None or read(value) == value
