from __future__ import annotations

from graphwarden.router.breaker import Breaker, Breakers

LIMIT, OPEN = 3, 15.0


def lose(breaker: Breaker, times: int, now: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker.lost(now, LIMIT, OPEN)
    return breaker


def test_so_many_lost_calls_in_a_row_open_it() -> None:
    assert lose(Breaker(), LIMIT - 1).allows(1)
    assert not lose(Breaker(), LIMIT).allows(1)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = lose(Breaker(), LIMIT - 1)
    breaker.answered()
    assert lose(breaker, LIMIT - 1).allows(1)


def test_after_its_time_one_call_is_let_through() -> None:
    breaker = lose(Breaker(), LIMIT)
    assert breaker.allows(OPEN)
    breaker.sent()
    assert not breaker.allows(OPEN)


def test_a_probe_that_is_answered_closes_it() -> None:
    breaker = lose(Breaker(), LIMIT)
    breaker.sent()
    breaker.answered()
    assert breaker.allows(OPEN)


def test_a_probe_that_is_lost_opens_it_again() -> None:
    breaker = lose(Breaker(), LIMIT)
    breaker.sent()
    breaker.lost(OPEN, LIMIT, OPEN)
    assert not breaker.allows(OPEN + 1)
    assert breaker.allows(2 * OPEN)


def test_a_probe_whose_client_left_makes_room_for_another() -> None:
    breaker = lose(Breaker(), LIMIT)
    breaker.sent()
    breaker.withdrawn()
    assert breaker.allows(OPEN)


def test_the_state_of_one_worker_is_none_of_anothers() -> None:
    breakers = Breakers()
    for _ in range(LIMIT):
        breakers.lost("a:1", 0, LIMIT, OPEN)
    assert breakers.closed_to("a:1", 1)
    assert not breakers.closed_to("b:1", 1)
    assert breakers.seconds_left(["a:1"], 5) == 10
    assert breakers.seconds_left(["a:1", "b:1"], 5) == 0


def test_workers_that_are_gone_are_forgotten() -> None:
    breakers = Breakers()
    breakers.lost("a:1", 0, LIMIT, OPEN)
    breakers.keep_only(frozenset({"b:1"}))
    assert not breakers.tripped
