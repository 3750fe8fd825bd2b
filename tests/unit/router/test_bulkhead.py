from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphwarden.router.bulkhead import Bulkhead, Place, Ticket


def make_ticket(log: list[int] | None = None, number: int = 0) -> Ticket:
    return Ticket(lambda: log.append(number) if log is not None else None)


def test_calls_up_to_the_limit_are_in_flight_at_once() -> None:
    bulkhead = Bulkhead(limit=2, max_queued=1)
    tickets = [make_ticket() for _ in range(4)]
    assert [bulkhead.enter(ticket) for ticket in tickets] == [True, True, True, False]
    assert [ticket.place for ticket in tickets] == [
        Place.IN_FLIGHT,
        Place.IN_FLIGHT,
        Place.QUEUED,
        Place.GONE,
    ]


def test_those_who_wait_move_up_in_the_order_in_which_they_came() -> None:
    admitted: list[int] = []
    bulkhead = Bulkhead(limit=1, max_queued=10)
    first = make_ticket()
    bulkhead.enter(first)
    waiting = [make_ticket(admitted, number) for number in range(3)]
    for ticket in waiting:
        bulkhead.enter(ticket)
    bulkhead.leave(waiting[1])
    bulkhead.leave(first)
    bulkhead.leave(waiting[0])
    assert admitted == [0, 2]


def test_nobody_overtakes_those_who_wait() -> None:
    bulkhead = Bulkhead(limit=0, max_queued=10)
    early, late = make_ticket(), make_ticket()
    bulkhead.enter(early)
    bulkhead.limit = 1
    bulkhead.enter(late)
    assert late.place is Place.QUEUED


def test_a_first_worker_lets_in_those_who_waited_for_it() -> None:
    admitted: list[int] = []
    bulkhead = Bulkhead(limit=0, max_queued=10)
    for number in range(3):
        bulkhead.enter(make_ticket(admitted, number))
    bulkhead.resize(2, 10)
    assert admitted == [0, 1]
    assert bulkhead.queued == 1


def test_a_smaller_limit_takes_no_place_from_calls_in_flight() -> None:
    bulkhead = Bulkhead(limit=3, max_queued=10)
    tickets = [make_ticket() for _ in range(3)]
    for ticket in tickets:
        bulkhead.enter(ticket)
    bulkhead.resize(1, 10)
    waiting = make_ticket()
    bulkhead.enter(waiting)
    bulkhead.leave(tickets[0])
    bulkhead.leave(tickets[1])
    assert waiting.place is Place.QUEUED
    bulkhead.leave(tickets[2])
    assert waiting.place is Place.IN_FLIGHT


def fill(bulkhead: Bulkhead, *waiting: Ticket) -> list[Ticket]:
    """One call in flight, and these behind it."""
    first = make_ticket()
    assert bulkhead.enter(first)
    for ticket in waiting:
        assert bulkhead.enter(ticket)
    return [first]


def make_call(admitted: list[str], assistant: str, priority: int = 0, size: int = 0) -> Ticket:
    return Ticket(
        lambda: admitted.append(assistant),
        assistant,
        priority,
        size,
        on_shed=lambda: admitted.append(f"{assistant} shed"),
    )


def drain(bulkhead: Bulkhead, in_flight: list[Ticket], calls: list[Ticket]) -> None:
    for ticket in [*in_flight, *calls]:
        bulkhead.leave(ticket)


def test_assistants_take_turns_however_many_calls_each_has() -> None:
    seen: list[str] = []
    bulkhead = Bulkhead(limit=1, max_queued=10)
    calls = [make_call(seen, name) for name in ("many", "many", "many", "one")]
    first = fill(bulkhead, *calls)
    for ticket in (*first, calls[0], calls[3]):
        bulkhead.leave(ticket)
    assert seen == ["many", "one", "many"]


def test_a_higher_priority_moves_up_first() -> None:
    seen: list[str] = []
    bulkhead = Bulkhead(limit=1, max_queued=10)
    calls = [make_call(seen, "plain"), make_call(seen, "urgent", priority=10)]
    drain(bulkhead, fill(bulkhead, *calls), [calls[1]])
    assert seen == ["urgent", "plain"]


def test_a_negative_priority_may_fill_half_of_the_queue() -> None:
    bulkhead = Bulkhead(limit=0, max_queued=4)
    entered = [bulkhead.enter(make_call([], "batch", priority=-1)) for _ in range(3)]
    assert entered == [True, True, False]


def test_a_negative_priority_is_put_out_of_a_full_queue_for_others() -> None:
    seen: list[str] = []
    bulkhead = Bulkhead(limit=0, max_queued=2)
    batch = make_call(seen, "batch", priority=-1)
    bulkhead.enter(batch)
    assert [bulkhead.enter(make_call(seen, "plain")) for _ in range(3)] == [True, True, False]
    assert (seen, batch.place) == (["batch shed"], Place.GONE)


def test_a_call_that_is_not_negative_is_never_put_out() -> None:
    bulkhead = Bulkhead(limit=0, max_queued=1)
    bulkhead.enter(make_call([], "plain"))
    assert not bulkhead.enter(make_call([], "urgent", priority=100))


def test_bytes_that_wait_are_bounded_too() -> None:
    bulkhead = Bulkhead(limit=0, max_queued=10, max_queued_bytes=100)
    sizes = [60, 60, 40, 1]
    assert [bulkhead.enter(make_call([], "x", size=n)) for n in sizes] == [True, False, True, False]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(-2, 2)),
        st.tuples(st.just("leave"), st.integers(0, 30)),
        st.tuples(st.just("resize"), st.integers(0, 5)),
    ),
    max_size=60,
)


@given(steps)
def test_counts_stay_true_and_every_place_comes_back(history: list[tuple[str, int]]) -> None:
    bulkhead = Bulkhead(limit=2, max_queued=5)
    tickets: list[Ticket] = []
    for step, number in history:
        if step == "enter":
            ticket = make_call([], f"a{number % 2}", number, size=abs(number))
            before = bulkhead.in_flight
            if bulkhead.enter(ticket):
                tickets.append(ticket)
            assert bulkhead.in_flight <= max(bulkhead.limit, before)
        elif step == "leave" and tickets:
            bulkhead.leave(tickets.pop(number % len(tickets)))
        elif step == "resize":
            bulkhead.resize(number, 5)
        tickets = [ticket for ticket in tickets if ticket.place is not Place.GONE]
        waiting = [ticket for ticket in tickets if ticket.place is Place.QUEUED]
        assert bulkhead.queued_bytes == sum(ticket.size for ticket in waiting)
        places = [ticket.place for ticket in tickets]
        assert bulkhead.in_flight == places.count(Place.IN_FLIGHT)
        assert bulkhead.queued == places.count(Place.QUEUED) <= 5
        assert not bulkhead.queued or bulkhead.in_flight >= bulkhead.limit
    for ticket in tickets:
        bulkhead.leave(ticket)
    assert (bulkhead.in_flight, bulkhead.queued) == (0, 0)


def test_leaving_twice_gives_one_place_back() -> None:
    bulkhead = Bulkhead(limit=2, max_queued=0)
    ticket, other = make_ticket(), make_ticket()
    bulkhead.enter(ticket)
    bulkhead.enter(other)
    bulkhead.leave(ticket)
    bulkhead.leave(ticket)
    assert bulkhead.in_flight == 1
