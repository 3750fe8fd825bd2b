"""From the schema to cases: for every field what is good, extreme, wrong and absent. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from walks.hand import ALL_CHILDREN, Hand
from walks.schema import ITEM, KINDS, Field, list_fields, read_crds
from walks.values import HANDS


class State(StrEnum):
    """What became of a case."""

    REFUSED = "refused"  # by the API server, with a message that names the field
    EXPLAINED = "explained"  # taken, and a condition says what is wrong with it
    CHANGED = "changed"  # the children show it
    UNCHANGED = "unchanged"  # taken, and no child is any different


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()
_TAKEN: Final = frozenset({State.CHANGED, State.UNCHANGED})
_REFUSED: Final = frozenset({State.REFUSED})
_EXPLAINED: Final = frozenset({State.EXPLAINED})


@dataclass(frozen=True)
class Case:
    """One value for one field, and the states that are right.

    `shows` are the kinds of children that may differ; all of them must, where the state can only
    be CHANGED.
    """

    field: str
    name: str
    value: Any
    right: frozenset[State]
    shows: tuple[str, ...]
    base: Mapping[str, Any]
    word: str

    @property
    def kind(self) -> str:
        """The resource that has the field."""
        return self.field.partition(".")[0]

    @property
    def path(self) -> tuple[str, ...]:
        """The way from spec to the field."""
        return tuple(self.field.split(".")[1:])

    def find_words(self, state: State) -> tuple[str, ...]:
        """What a message must say, one of them: of children the API server has other words."""
        return (self.path[-1],) if state is State.REFUSED else (self.path[-1], self.word)

    def make_spec(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """`base` with the value in its place."""
        return put(base, self.path, self.value)


def put(spec: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of `spec` with `value` at `path`, or without it."""
    changed: dict[str, Any] = copy.deepcopy(dict(spec))
    place: Any = changed
    for step in path[:-1]:
        place = place[int(step)] if step == ITEM else place.setdefault(step, {})
    if value is ABSENT:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = value
    return changed


def find_gaps() -> tuple[set[str], set[str]]:
    """Fields without values in `values.py`, and values of fields that are none."""
    leaves = {
        field.name
        for field in list_all_fields()
        if not field.is_group and not field.schema.get("items", {}).get("properties")
    }
    known = {field.name for field in list_all_fields()}
    return leaves - set(HANDS), set(HANDS) - known


def list_all_fields() -> list[Field]:
    """Every field of both resources."""
    schemas = read_crds()
    return [field for kind in KINDS for field in list_fields(kind, schemas[kind])]


def make_all_cases() -> list[Case]:
    """Every case of every field, in the order of the schema."""
    return [case for field in list_all_fields() for case in make_cases(field)]


def make_cases(field: Field) -> Iterator[Case]:
    """The cases of one field: those that its schema makes, and those of `values.py`."""
    hand = HANDS.get(field.name) or Hand(shows=ALL_CHILDREN, base=_find_base(field))
    word = hand.word or field.path[-1]

    def make(name: str, value: Any, right: frozenset[State]) -> Case:
        return Case(field.name, name, value, right, hand.shows, hand.base, word)

    for name, value in hand.good.items():
        yield make(name, value, _TAKEN)
    for name, value in hand.hard.items():
        yield make(name, value, _TAKEN | {State.EXPLAINED})
    for name, value in hand.bad.items():
        yield make(name, value, _EXPLAINED)
    for name, value in hand.refused.items():
        yield make(name, value, _REFUSED)
    yield from (
        make(name, value, right)
        for name, value, right in _derive(field)
        if value is ABSENT or not _is_given(hand, value)
    )


def _is_given(hand: Hand, value: Any) -> bool:
    given = [*hand.good.values(), *hand.hard.values(), *hand.bad.values(), *hand.refused.values()]
    return any(type(other) is type(value) and other == value for other in given)


def _find_base(field: Field) -> Mapping[str, Any]:
    """For a group, the spec that some field in it needs."""
    inside = (hand.base for name, hand in HANDS.items() if name.startswith(f"{field.name}."))
    return next((base for base in inside if ITEM in field.path and base), {})


def _derive(field: Field) -> Iterator[tuple[str, Any, frozenset[State]]]:
    schema = field.schema
    if field.required:
        # What is left of a group without any field is null, and null may stand for the group.
        yield "absent", ABSENT, _REFUSED | (_TAKEN if field.in_nullable else set())
        yield "null", None, _REFUSED
    else:
        yield "absent", ABSENT, _TAKEN
        # Where the schema has a default, the API server drops the null and takes that.
        yield "null", None, _TAKEN | _REFUSED
    if "enum" in schema:
        yield from ((value, value, _TAKEN) for value in schema["enum"])
        yield "not listed", "Sometimes", _REFUSED
    if schema.get("x-kubernetes-int-or-string"):
        yield "wrong type", {"a": 1}, _REFUSED
    match schema.get("type"):
        case "string":
            yield "wrong type", 7, _REFUSED
            yield from _derive_string(schema)
        case "integer":
            yield "wrong type", "7", _REFUSED
            yield "a fraction", 1.5, _REFUSED
            yield "least", schema["minimum"], _TAKEN
            yield "most", _find_most(field), _TAKEN
            yield "below", schema["minimum"] - 1, _REFUSED
            yield "above", schema["maximum"] + 1, _REFUSED
            yield "far above", 2**63, _REFUSED
            yield "between", min(schema["minimum"] + 7, schema["maximum"]), _TAKEN
        case "boolean":
            yield "wrong type", "true", _REFUSED
            yield "on", True, _TAKEN
            yield "off", False, _TAKEN
        case "array":
            yield "wrong type", "text", _REFUSED
            yield "wrong item", ["text"], _REFUSED
            yield "too many", [_make_item(schema)] * (schema["maxItems"] + 1), _REFUSED
            yield "empty", [], _TAKEN
        case "object":
            yield "wrong type", "text", _REFUSED
            yield "a list", [], _REFUSED
            if "additionalProperties" in schema:
                yield "wrong value", {"a": 1}, _REFUSED
            if not schema.get("required"):
                yield "empty", {}, _TAKEN
            if field.is_group:
                yield "unknown field", {"nonsense": 1}, _REFUSED


def _derive_string(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any, frozenset[State]]]:
    if "maxLength" in schema:
        yield "too long", "1" * schema["maxLength"] + "1", _REFUSED
    if schema.get("minLength"):
        yield "empty", "", _REFUSED
    if "pattern" in schema or "x-kubernetes-validations" in schema:
        yield "pattern broken", "So nicht, 日本!", _REFUSED
        yield "a line more", "a\n", _REFUSED


def _find_most(field: Field) -> int:
    # The least may not be above the most, so that its own most depends on that.
    return 10 if field.name == "GraphPool.scaling.minReplicas" else int(field.schema["maximum"])


def _make_item(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"configMapRef": {"name": "x"}} if schema["items"].get("properties") else {"name": "N"}
