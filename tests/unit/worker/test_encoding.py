"""What graphs keep in their state, as JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections import deque
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.types import Interrupt
from pydantic import BaseModel

from graphwarden.worker.encoding import dumps, dumps_for_database, loads, to_jsonable


class Model(BaseModel):
    size: int = 1


@dataclasses.dataclass
class Data:
    model: Model


class Pair(NamedTuple):
    left: int
    right: int


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Model(), {"size": 1}),
        (Data(Model()), {"model": {"size": 1}}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (Colour.RED, "red"),
        (deque([1, 2]), [1, 2]),
        ({"set": frozenset([1])}, {"set": [1]}),
        (ValueError("no"), {"error": "ValueError", "message": "no"}),
        (Interrupt({"q": "ok?"}, id="i"), {"value": {"q": "ok?"}, "id": "i"}),
        ({1: "a"}, {"1": "a"}),
        (2**70, 2**70),
    ],
)
def test_a_value_has_a_plain_shape(value: Any, shown: Any) -> None:
    assert json.loads(dumps(value)) == shown


def test_a_message_is_shown_by_its_fields() -> None:
    shown = to_jsonable(AIMessage("hi", id="1"))
    assert (shown["type"], shown["content"], shown["id"]) == ("ai", "hi", "1")


@given(st.text())
def test_text_for_the_database_only_loses_nul(text: str) -> None:
    assert loads(dumps_for_database([text])) == [text.replace("\0", "")]
