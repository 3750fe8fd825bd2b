"""What is small enough to be serialised at once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from graphwarden.worker.storage.savers.payload import is_small


@dataclass
class Mail:
    text: str


@pytest.mark.parametrize(
    "payload",
    [None, 1, "x", b"x" * 1000, {"a": [1, 2, {"b": "c"}]}, Mail("short"), [Mail("a")] * 10, open],
)
def test_little_is_small(payload: object) -> None:
    assert is_small(payload)


@pytest.mark.parametrize(
    "payload",
    [
        "x" * 100_000,
        b"x" * 100_000,
        {"a": {"b": ["x" * 100_000]}},
        list(range(100_000)),
        [Mail("x" * 30_000)] * 3,
        Mail("x" * 100_000),
    ],
)
def test_much_is_not(payload: object) -> None:
    assert not is_small(payload)


def test_a_value_that_holds_itself_ends() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert not is_small(ring)
