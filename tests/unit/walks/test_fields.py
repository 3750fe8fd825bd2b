"""What the walk takes from the schemas."""

from __future__ import annotations

from typing import Any

import pytest

from walks.fields import ABSENT, Case, State, find_gaps, list_all_fields, make_all_cases, put
from walks.schema import list_fields, read_crds
from walks.walk import find_deviations, find_silent_fields


def test_every_field_of_both_schemas_has_values() -> None:
    missing, unknown = find_gaps()
    assert not missing, "say in tests/walks/*_values.py what they may be"
    assert not unknown, "fields that no schema has any more"


def test_every_field_has_a_value_that_is_taken_one_that_is_not_and_none_at_all() -> None:
    right: dict[str, set[State]] = {}
    absent = set()
    for case in make_all_cases():
        right.setdefault(case.field, set()).update(case.right)
        absent |= {case.field} if case.value is ABSENT else set()
    names = {field.name for field in list_all_fields()}
    assert set(right) == absent == names
    assert all(State.REFUSED in states for states in right.values())


def test_a_new_field_of_a_schema_is_found() -> None:
    schema: dict[str, Any] = dict(read_crds()["GraphPool"])
    schema["properties"] = {**schema["properties"], "novel": {"type": "string"}}
    assert "GraphPool.novel" in {field.name for field in list_fields("GraphPool", schema)}


@pytest.mark.parametrize(
    ("spec", "path", "value", "expected"),
    [
        ({}, ("a", "b"), 1, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, ("a", "b"), ABSENT, {"a": {"c": 2}}),
        ({"a": [{"b": 1}]}, ("a", "0", "b"), None, {"a": [{"b": None}]}),
    ],
)
def test_a_value_is_put_in_its_place(
    spec: dict[str, Any], path: tuple[str, ...], value: Any, expected: dict[str, Any]
) -> None:
    assert put(spec, path, value) == expected


@pytest.mark.parametrize(
    ("state", "changed", "said", "found"),
    [
        (State.CHANGED, {"Deployment"}, "", ""),
        (State.CHANGED, {"Service"}, "", "children of other kinds"),
        (State.EXPLAINED, set(), "env: no", "explained instead of changed"),
        (State.REFUSED, set(), "it is wrong", "does not name env"),
        (State.REFUSED, {"Deployment"}, "spec.env is wrong", "although"),
    ],
)
def test_a_deviation_says_what_is_not_as_it_should_be(
    state: State, changed: set[str], said: str, found: str
) -> None:
    right = frozenset({State.CHANGED, State.REFUSED})
    case = Case("GraphPool.worker.env", "x", [], right, ("Deployment",), {}, "env")
    texts = find_deviations(case, state, changed, said)
    assert [text for text in texts if found in text] if found else not texts


def test_a_field_is_silent_when_no_value_shows_and_a_group_has_nothing_to_show() -> None:
    cases = [case for case in make_all_cases() if case.field.startswith("GraphPool.drain")]
    assert find_silent_fields(cases, []) == ["GraphPool.drain.maxGracePeriod"]
