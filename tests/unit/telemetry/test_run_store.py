from __future__ import annotations

import json
import threading
from typing import Any

from graphwarden.telemetry.run_store import RunStore, starts_run

Span = dict[str, Any]
Store = RunStore[Span]


def weigh(span: Span) -> int:
    return len(json.dumps(span))


def make_store(traces: int, size: int) -> Store:
    """Spans are shown as they are, and runs in a list as well."""
    return RunStore(traces, size, weigh, dict, dict)


def make_span(trace: int, span: int, **other: Any) -> Span:
    return {"trace": trace, "span": span, "started_at": "2026-11-30T09:00:00Z", **other}


def add(store: Store, trace: int, span: int, *, run: bool = False, **other: Any) -> None:
    store.begin(trace, span, make_span(trace, span, **other), is_run=run)
    store.end(trace, span)


def find(store: Store, trace: int) -> list[Span]:
    return store.find(f"{trace:032x}")[0]


RUN = 1


def test_the_oldest_traces_make_room_for_new_ones() -> None:
    store = make_store(3, 10**6)
    for number in range(5):
        add(store, number, RUN, run=True)
    assert [run["trace"] for run in store.list_runs()] == [2, 3, 4]
    assert find(store, 0) == []


def test_all_of_it_stays_below_its_size() -> None:
    store = make_store(10**6, 20_000)
    for number in range(1000):
        add(store, number, RUN, run=True, filler="x" * 500)
        assert store.size <= 20_000
    kept = [find(store, number) for number in range(1000)]
    assert store.size == sum(weigh(span) for spans in kept for span in spans)


def test_a_trace_without_a_run_is_let_go_at_its_end() -> None:
    store = make_store(10, 10**6)
    add(store, 7, 2)
    assert find(store, 7) == []
    assert store.size == 0


def test_a_request_that_starts_a_run_is_kept_until_the_run_begins() -> None:
    store = make_store(10, 10**6)
    store.begin(7, 2, make_span(7, 2), is_run=False)
    store.end(7, 2, asks=starts_run("POST /threads/{thread_id}/runs"))
    add(store, 7, RUN, run=True)
    assert {span["span"] for span in find(store, 7)} == {2, RUN}


def test_a_run_at_work_is_shown_as_it_is_now() -> None:
    store = make_store(10, 10**6)
    run = make_span(7, RUN)
    store.begin(7, RUN, run, is_run=True)
    run["status"] = "running"
    assert store.list_runs() == find(store, 7) == [run]


def test_one_trace_without_end_pushes_out_no_other() -> None:
    store = make_store(10, 10**9)
    store.begin(7, RUN, make_span(7, RUN), is_run=True)
    for number in range(3000):
        add(store, 7, 10 + number)
    spans, left_out = store.find(f"{7:032x}")
    assert len(spans) + left_out == 3001
    assert left_out > 900


def test_a_span_that_ends_after_its_trace_was_pushed_out_brings_nothing_back() -> None:
    store = make_store(1, 10**6)
    store.begin(7, RUN, make_span(7, RUN), is_run=True)
    add(store, 8, RUN, run=True)
    store.end(7, RUN)
    assert [run["trace"] for run in store.list_runs()] == [8]


def test_what_is_no_id_is_no_trace() -> None:
    assert make_store(1, 10**6).find("all of them") == ([], 0)


def test_threads_that_end_spans_at_once_lose_none() -> None:
    store = make_store(1000, 10**7)
    store.begin(7, RUN, make_span(7, RUN), is_run=True)

    def work(first: int) -> None:
        for number in range(100):
            add(store, 7, first + number)

    threads = [threading.Thread(target=work, args=(1000 * first,)) for first in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(find(store, 7)) == 401
