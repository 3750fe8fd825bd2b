from __future__ import annotations

from dataclasses import dataclass

from graphwarden.worker.exemplars import Exemplars


@dataclass
class Case:
    exemplar: dict[str, str] | None


ONE, TWO, UNSAMPLED = Case({"span_id": "1"}), Case({"span_id": "2"}), Case(None)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_of_each_second_the_first_case_is_told() -> None:
    clock = Clock()
    exemplars = Exemplars((1.0,), clock)
    first = exemplars.choose(("a",), 0.5, ONE)
    second = exemplars.choose(("a",), 0.6, TWO)
    clock.now += 1
    third = exemplars.choose(("a",), 0.7, TWO)
    assert (first, second, third) == (ONE.exemplar, None, TWO.exemplar)


def test_a_slow_case_is_told_though_a_fast_one_was_just_before_it() -> None:
    exemplars = Exemplars((1.0, 2.0), Clock())
    exemplars.choose(("a",), 1.0, ONE)
    assert exemplars.choose(("a",), 1.1, TWO) == TWO.exemplar
    assert exemplars.choose(("b",), 1.0, TWO) == TWO.exemplar
    assert exemplars.choose(("a",), 2.1, TWO) == TWO.exemplar


def test_a_case_that_nobody_would_find_takes_no_others_place() -> None:
    exemplars = Exemplars((1.0,), Clock())
    assert exemplars.choose(("a",), 0.5, UNSAMPLED) is None
    assert exemplars.choose(("a",), 0.5, None) is None
    assert exemplars.choose(("a",), 0.5, ONE) == ONE.exemplar
