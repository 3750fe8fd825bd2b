"""Rows as people: headers, what a row needs, and several rows of one person."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.lists.columns import FIELDS, find_field, map_columns
from graphs.sales.lists.entries import NOBODY, OPTED_OUT, Rejected, read_entry
from graphs.sales.lists.importing import make_sheet
from graphs.sales.lists.people import People, read_people
from graphs.sales.lists.sheets import InvalidSheet


def _read(*rows: dict[str, Any], **options: Any) -> People:
    return read_people(make_sheet(rows), **options)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("E-Mail", "email"),
        ("Email Address", "email"),
        ("EMAIL", "email"),
        ("emailAddress", "email"),
        ("Adresse e-mail", "email"),
        ("first_name", "first_name"),
        ("FirstName", "first_name"),
        ("Prénom", "first_name"),
        ("Nombre", "first_name"),
        ("Nachname", "last_name"),
        ("Full Name", "name"),
        ("Job Title", "title"),
        ("Stanowisko", "title"),
        ("Company Domain Name", "domain"),
        ("Person Linkedin Url", "profile_url"),
        ("Unsubscribed from all email", "opt_out"),
        ("Has Opted Out of Email", "opt_out"),
        ("Favourite colour", None),
        ("", None),
    ],
)
def test_headers_of_many_programs_are_known(header: str, field: str | None) -> None:
    assert find_field(header) == field


def test_every_field_is_known_by_its_own_name() -> None:
    assert {each: find_field(each) for each in FIELDS} == {each: each for each in FIELDS}


def test_headers_can_be_mapped_and_left_out() -> None:
    places = map_columns(["Kürzel", "Email", "Mail"], {"Kürzel": "name", "mail": ""})
    assert places == {"name": (0,), "email": (1,)}


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"Kürzel": "nick"}, "'nick' is none of email"), ({"Nick": "name"}, "no column 'Nick'")],
)
def test_a_mapping_that_fits_nothing_is_told(columns: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        map_columns(["Kürzel", "Email"], columns)


def test_a_list_without_people_is_told() -> None:
    with pytest.raises(InvalidSheet, match="No column says who the people are"):
        _read({"Company": "Acme"})


@pytest.mark.parametrize(
    "cells",
    [
        {"email": "dana@acme.example"},
        {"profile_url": "https://www.linkedin.com/in/dana"},
        {"domain": "https://www.linkedin.com/in/dana"},
        {"name": "Dana Reyes", "company": "Acme"},
        {"first_name": "Dana", "last_name": "Reyes", "domain": "acme.example"},
    ],
)
def test_a_row_names_somebody_who_can_be_found_again(cells: dict[str, str]) -> None:
    entry = read_entry(cells)
    assert entry.email or entry.profile_url or entry.name == "Dana Reyes"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({}, NOBODY),
        ({"name": "Dana Reyes"}, NOBODY),
        ({"company": "Acme"}, NOBODY),
        ({"email": "dana@acme.example", "opt_out": "yes"}, OPTED_OUT),
        ({"email": "dana", "name": "Dana", "company": "Acme"}, "email is no mail address"),
        ({"email": "d@a.example", "consent": "?!"}, "consent is neither yes, no nor a day"),
        ({"email": "d@a.example", "name": "x" * 400}, "name has 400 characters; 300"),
        ({"email": "d@a.example", "company": "x" * 301}, "company has 301 characters; 300"),
    ],
)
def test_a_row_that_must_stay_out_says_why(cells: dict[str, str], reason: str) -> None:
    with pytest.raises(Rejected) as raised:
        read_entry(cells)
    assert str(raised.value).startswith(reason)


def test_cells_that_cannot_be_read_cost_the_cell_alone() -> None:
    people = _read({"Email": "d@a.example", "Phone": "030 1", "Country": "Narnia", "Website": "-x"})
    assert people.entries[1].fields == {"email": "d@a.example"}
    assert people.warnings[0].row == 1
    assert people.warnings[0].reason.split("; ") == [
        "country is no country",
        "write its code, such as DE",
        "phone names no country",
        "write +49 ..., or send country",
        "domain is no domain",
    ]


def test_phone_numbers_are_of_the_rows_country_then_of_the_lists() -> None:
    people = _read(
        {"Email": "a@x.example", "Phone": "030 901820"},
        {"Email": "b@x.example", "Phone": "044 668 18 00", "Country": "CH"},
        country="DE",
    )
    assert [each.fields["phone"] for each in people.entries.values()] == [
        "+4930901820",
        "+41446681800",
    ]


def test_of_two_columns_of_a_field_the_first_that_says_something_counts() -> None:
    people = _read({"Work Email": "", "Email": "d@a.example", "Mail": "other@a.example"})
    assert people.entries[1].email == "d@a.example"


def test_rows_of_one_person_are_one_and_the_first_word_stands() -> None:
    people = _read(
        {"Email": "d@a.example", "Title": "CTO"},
        {"Email": "D@A.example", "Title": "CEO", "Name": "Dana Reyes", "Company": "Acme"},
        {"Email": "", "Name": "dana reyes", "Company": "ACME", "LinkedIn": "linkedin.com/in/d"},
    )
    assert people.repeated == 2
    assert people.entries[1].fields == {
        "email": "d@a.example",
        "title": "CTO",
        "name": "Dana Reyes",
        "profile_url": "https://www.linkedin.com/in/d",
    }


def test_namesakes_with_different_addresses_are_two() -> None:
    rows = [{"Email": f"{each}@a.example", "Name": "Dana", "Company": "Acme"} for each in "ab"]
    assert _read(*rows).repeated == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_opted_out_in_one_row_is_out_in_all(order: tuple[int, int]) -> None:
    rows = [{"Email": "d@a.example", "DNC": "no"}, {"Email": "D@a.example", "DNC": "yes"}]
    people = _read(*(rows[each] for each in order))
    assert people.entries == {}
    assert sorted(note.row for note in people.rejected) == [1, 2]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["dana@acme.example"], "rows is a list of objects"),
        ([{str(n): n} for n in range(201)], "201 different keys; 200 is the most"),
    ],
)
def test_rows_that_are_none_are_told(rows: list[Any], words: str) -> None:
    with pytest.raises(InvalidSheet, match=words):
        make_sheet(rows)


def test_a_row_with_a_list_in_it_is_rejected_alone() -> None:
    people = _read({"email": ["d@a.example"]}, {"email": "e@a.example"})
    assert [note.reason for note in people.rejected] == ["a cell is a list or an object"]
    assert [*people.entries] == [2]


_PART = st.sampled_from(
    ["", "a@x.example", "b@x.example", "Dana", "Bo", "Acme", "linkedin.com/in/d"]
)
_ROW = st.fixed_dictionaries({"email": _PART, "name": _PART, "company": _PART, "linkedin": _PART})


@given(st.lists(_ROW, min_size=1, max_size=12))
def test_every_row_is_a_person_a_repetition_or_rejected(rows: list[dict[str, str]]) -> None:
    people = _read(*rows)
    assert len(people.entries) + people.repeated + len(people.rejected) == len(rows)
    addresses = [entry.email for entry in people.entries.values() if entry.email]
    assert len(addresses) == len(set(addresses))


@given(st.lists(_ROW, min_size=1, max_size=12))
def test_a_list_that_is_written_twice_has_the_same_people(rows: list[dict[str, str]]) -> None:
    once, twice = _read(*rows), _read(*rows, *rows)
    assert twice.entries == once.entries
