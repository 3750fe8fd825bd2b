"""Which writes go together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphwarden.worker.storage.savers.queue import Place, WriteQueue


def add(queue: WriteQueue[str], thread_id: str, content: str, size_bytes: int = 1) -> Place[str]:
    place = queue.reserve(thread_id)
    place.fill(content, [content], size_bytes)
    return place


def take(queue: WriteQueue[str]) -> list[str | None]:
    return [place.content for place in queue.take()]


def test_all_that_waits_goes_together_threads_in_one_order() -> None:
    queue: WriteQueue[str] = WriteQueue()
    for thread_id, content in (("b", "b1"), ("a", "a1"), ("b", "b2")):
        add(queue, thread_id, content)
    assert take(queue) == ["a1", "b1", "b2"]
    assert take(queue) == []


def test_a_thread_is_in_one_batch_at_a_time() -> None:
    queue: WriteQueue[str] = WriteQueue()
    add(queue, "a", "a1")
    first = queue.take()
    add(queue, "a", "a2")
    add(queue, "b", "b1")
    assert take(queue) == ["b1"]
    queue.give_back(first)
    assert take(queue) == ["a2"]


def test_nothing_overtakes_what_is_not_ready_on_its_thread() -> None:
    queue: WriteQueue[str] = WriteQueue()
    late = queue.reserve("a")
    add(queue, "a", "a2")
    add(queue, "b", "b1")
    assert take(queue) == ["b1"]
    late.fill("a1", ["a1"], 1)
    assert take(queue) == ["a1", "a2"]


def test_what_was_given_up_is_passed_over() -> None:
    queue: WriteQueue[str] = WriteQueue()
    queue.reserve("a").given_up = True
    add(queue, "a", "a2")
    assert take(queue) == ["a2"]


def test_a_row_is_in_a_batch_once() -> None:
    queue: WriteQueue[str] = WriteQueue()
    for _ in range(2):
        add(queue, "a", "same")
    first = queue.take()
    assert [place.content for place in first] == ["same"]
    queue.give_back(first)
    assert take(queue) == ["same"]


def test_a_batch_ends_where_it_grows_large() -> None:
    queue: WriteQueue[str] = WriteQueue(batch_bytes=100)
    for content in ("a1", "a2", "a3"):
        add(queue, "a", content, 60)
    add(queue, "b", "b1", 500)
    first = queue.take()
    assert [place.content for place in first] == ["a1", "b1"]
    queue.give_back(first)
    assert take(queue) == ["a2"]


def test_a_batch_has_so_many_writes_and_no_more() -> None:
    queue: WriteQueue[str] = WriteQueue(batch_writes=2)
    for thread_id in ("a", "b", "c"):
        add(queue, thread_id, thread_id)
    assert take(queue) == ["a", "b"]
    assert take(queue) == ["c"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=40))
def test_every_write_comes_once_and_in_the_order_of_its_thread(
    writes: list[tuple[str, int]],
) -> None:
    queue: WriteQueue[str] = WriteQueue(batch_writes=5, batch_bytes=100)
    for number, (thread_id, size_bytes) in enumerate(writes):
        add(queue, thread_id, f"{number:02} {thread_id}", size_bytes)
    seen: list[str] = []
    while batch := queue.take():
        seen += [place.content or "" for place in batch]
        queue.give_back(batch)
    for thread_id in "abc":
        mine = [content for content in seen if content.endswith(thread_id)]
        assert mine == sorted(mine)
    assert len(seen) == len(writes)
