from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.api.assistants import (
    AssistantQuery,
    InvalidQuery,
    make_default_assistant,
    make_page_headers,
    make_window,
    matches,
    merge_page,
    parse_query,
)


def make(name: str, **other: Any) -> dict[str, Any]:
    made = make_default_assistant(
        name, context={}, generation=1, resumable=False, capability="mail"
    )
    return {**made, **other}


ECHO = make("echo", metadata={"created_by": "system", "team": {"id": 7, "tags": ["a", "b"]}})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"graph_id": "echo"}, True),
        ({"graph_id": "other"}, False),
        ({"name": "CH"}, True),
        ({"name": "x"}, False),
        ({"metadata": {"created_by": "system"}}, True),
        ({"metadata": {"created_by": "me"}}, False),
        ({"metadata": {"missing": None}}, False),
        ({"metadata": {"team": {"id": 7}}}, True),
        ({"metadata": {"team": {"id": True}}}, False),
        ({"metadata": {"team": {"tags": ["b"]}}}, True),
        ({"metadata": {"team": {"tags": ["c"]}}}, False),
        ({"metadata": {"team": 7}}, False),
    ],
)
def test_a_search_finds_what_matches_all_of_it(query: dict[str, Any], found: bool) -> None:
    assert matches(ECHO, parse_query(query)) is found


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "object"),
        ({"metadata": []}, "metadata"),
        ({"graph_id": 1}, "graph_id"),
        ({"name": "a\0"}, "name"),
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"offset": -1}, "offset"),
        ({"sort_by": "colour"}, "sort_by"),
        ({"sort_order": "up"}, "sort_order"),
        ({"select": [1]}, "select"),
    ],
)
def test_a_search_that_cannot_be_read_says_which_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidQuery, match=field):
        parse_query(body)


def test_the_newest_stand_first_unless_told_otherwise() -> None:
    query = parse_query({})
    assert (query.sort_by, query.descending, query.limit, query.offset) == (
        "created_at",
        True,
        10,
        0,
    )


def test_times_are_compared_as_times() -> None:
    earlier = make("a", created_at="2026-11-23T12:00:00+02:00")
    later = make("b", created_at="2026-11-23T11:00:00Z")
    page = merge_page(AssistantQuery(), [earlier], [later])
    assert [assistant["name"] for assistant in page] == ["b", "a"]


def test_fields_that_were_not_selected_are_left_out() -> None:
    query = parse_query({"select": ["name", "version"]})
    assert merge_page(query, [ECHO], []) == [{"name": "echo", "version": 1}]


names = st.lists(st.text("ab", max_size=3), max_size=12)


@given(names, names, st.integers(1, 5), st.integers(0, 25), st.booleans())
def test_a_page_is_the_same_as_if_all_stood_in_one_list(
    defaults: list[str], stored: list[str], limit: int, offset: int, descending: bool
) -> None:
    query = AssistantQuery(limit=limit, offset=offset, sort_by="name", descending=descending)
    ours = [make(name, assistant_id=f"1-{i}") for i, name in enumerate(defaults)]
    theirs = [make(name, assistant_id=f"0-{i}") for i, name in enumerate(stored)]
    everything = replace(query, limit=1000, offset=0)
    in_order = merge_page(everything, [], theirs)
    window = make_window(query, len(ours))
    part = in_order[window.offset : window.offset + window.limit]
    whole = merge_page(everything, ours, theirs)
    assert merge_page(query, ours, part) == whole[offset : offset + limit]
    assert window.limit <= limit + len(ours)


@pytest.mark.parametrize(
    ("offset", "total", "following"), [(0, 10, None), (0, 11, "10"), (10, 21, "20"), (20, 21, None)]
)
def test_the_next_page_is_named_where_there_is_one(
    offset: int, total: int, following: str | None
) -> None:
    headers = make_page_headers(AssistantQuery(offset=offset), total)
    assert headers["x-pagination-total"] == str(total)
    assert headers.get("x-pagination-next") == following
