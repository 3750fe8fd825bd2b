"""TypedDicts of typing's, described on every Python."""

from __future__ import annotations

import typing
from typing import Annotated, Any, NotRequired

import pytest
import typing_extensions
from pydantic import TypeAdapter

from graphwarden.worker.typed_dicts import translate


class Inner(typing.TypedDict):
    """What is inside."""

    text: str
    more: NotRequired[int]


class Outer(typing.TypedDict, total=False):
    inners: Annotated[list[Inner], "added up"]
    one: Inner | None
    named: dict[str, Inner]


class Twin(typing_extensions.TypedDict):
    text: str


def describe(given: Any) -> dict[str, Any]:
    return TypeAdapter(translate(given)).json_schema()


def test_what_is_in_it_is_told_with_what_is_required() -> None:
    assert describe(Inner) == {
        "title": "Inner",
        "description": "What is inside.",
        "type": "object",
        "properties": {
            "text": {"title": "Text", "type": "string"},
            "more": {"title": "More", "type": "integer"},
        },
        "required": ["text"],
    }


def test_those_in_lists_unions_and_mappings_are_told_too() -> None:
    told = describe(Outer)
    assert "required" not in told
    assert set(told["properties"]) == {"inners", "one", "named"}
    assert told["$defs"]["Inner"]["required"] == ["text"]


@pytest.mark.parametrize("given", [int, list[int], Twin, dict[str, Twin], str | None, Any])
def test_what_needs_no_other_name_stays_as_it_is(given: Any) -> None:
    assert translate(given) is given


def test_what_stands_in_itself_is_not_followed_without_end() -> None:
    with pytest.raises(RecursionError):
        translate(Loop)


class Loop(typing.TypedDict):
    again: list[Loop]
