"""What becomes of garbage when a worker has loaded its graphs."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from graphwarden.worker.heap import settle


class Ring:
    """Goes with a collection alone."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_was_there_is_looked_at_no_more() -> None:
    settle()
    assert gc.get_freeze_count() > 1000


def test_what_comes_later_is_still_collected() -> None:
    settle()
    ring = weakref.ref(Ring())
    gc.collect()
    assert ring() is None


def test_what_was_replaced_goes_when_the_heap_settles_again() -> None:
    ring = Ring()
    settle()
    seen = weakref.ref(ring)
    del ring
    gc.collect()
    assert seen() is not None
    settle()
    assert seen() is None
