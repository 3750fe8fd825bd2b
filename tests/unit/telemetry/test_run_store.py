from __future__ import annotations

import json
import threading
from typing import Any

from graphwarden.telemetry.run_store import RunStore, starts_run


def make_store(traces: int, size: int) -> RunStore:
    return RunStore(traces, size, json.loads)


def encode(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def make_record(trace: str, span: str, *, run: bool = False, **other: Any) -> dict[str, Any]:
    told = {"gen_ai.operation.name": "invoke_workflow"} if run else {}
    return {
        "trace_id": trace,
        "span_id": span,
        "name": span,
        "kind": "internal",
        "started_at": "2026-11-30T09:00:00.000000Z",
        "duration_ms": 1.0,
        "error_type": None,
        "attributes": told,
        **other,
    }


def add(store: RunStore, trace: str, span: str, *, run: bool = False, **other: Any) -> None:
    record = encode(make_record(trace, span, run=run, **other))
    store.begin(trace, span, lambda: record, is_run=run)
    store.end(trace, span, record)


def test_the_oldest_traces_make_room_for_new_ones() -> None:
    store = make_store(3, 10**6)
    for number in range(5):
        add(store, f"t{number}", "run", run=True)
    assert [run["trace_id"] for run in store.list_runs()] == ["t2", "t3", "t4"]
    assert store.find("t0") == ([], 0)


def test_all_of_it_stays_below_its_size() -> None:
    store = make_store(10**6, 20_000)
    for number in range(1000):
        add(store, f"t{number}", "run", run=True, filler="x" * 500)
        assert store.size <= 20_000
    kept = [store.find(f"t{number}")[0] for number in range(1000)]
    assert store.size == sum(len(encode(span)) for spans in kept for span in spans)


def test_a_trace_without_a_run_is_let_go_at_its_end() -> None:
    store = make_store(10, 10**6)
    add(store, "looks", "GET /threads")
    assert store.find("looks") == ([], 0)
    assert store.size == 0


def test_a_request_that_starts_a_run_is_kept_until_the_run_begins() -> None:
    store = make_store(10, 10**6)
    request = encode(make_record("t", "s", kind="server"))
    store.begin("t", "s", lambda: request, is_run=False)
    store.end("t", "s", request, asks=starts_run("POST /threads/{thread_id}/runs"))
    add(store, "t", "run", run=True)
    assert {span["span_id"] for span in store.find("t")[0]} == {"s", "run"}


def test_a_run_at_work_is_shown_as_it_is_now() -> None:
    store = make_store(10, 10**6)
    record = make_record("t", "run", run=True, duration_ms=None)
    store.begin("t", "run", lambda: encode(record), is_run=True)
    assert [run["status"] for run in store.list_runs()] == ["running"]
    assert store.find("t")[0] == [record]


def test_one_trace_without_end_pushes_out_no_other() -> None:
    store = make_store(10, 10**9)
    record = make_record("t", "run", run=True)
    store.begin("t", "run", lambda: encode(record), is_run=True)
    for number in range(3000):
        add(store, "t", f"node{number}")
    spans, left_out = store.find("t")
    assert len(spans) + left_out == 3001
    assert left_out > 900


def test_a_span_that_ends_after_its_trace_was_pushed_out_brings_nothing_back() -> None:
    store = make_store(1, 10**6)
    record = make_record("old", "run", run=True)
    store.begin("old", "run", lambda: encode(record), is_run=True)
    add(store, "new", "run", run=True)
    store.end("old", "run", encode(record))
    assert [run["trace_id"] for run in store.list_runs()] == ["new"]


def test_threads_that_end_spans_at_once_lose_none() -> None:
    store = make_store(1000, 10**7)
    record = make_record("t", "run", run=True)
    store.begin("t", "run", lambda: encode(record), is_run=True)

    def work(name: str) -> None:
        for number in range(100):
            add(store, "t", f"{name}{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.find("t")[0]) == 401
