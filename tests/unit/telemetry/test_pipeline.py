"""Which spans are made, and what becomes of them when nobody takes them."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from opentelemetry import context

from graphwarden.telemetry.pipeline import Tracing, make_tracing
from graphwarden.telemetry.settings import TracingSettings
from otlp_receiver import Receiver, running_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_goes_on(receiver: Receiver) -> Iterator[None]:
    """What was given up ends before the next test: it would draw numbers in others' tests."""
    yield
    receiver.left.set()
    for thread in threading.enumerate():
        if thread.name == "spans":
            thread.join(20)
            assert not thread.is_alive()


def start(endpoint: str | None = None, **settings: object) -> Tracing:
    where = f"{endpoint}/v1/traces" if endpoint else None
    return make_tracing(TracingSettings(endpoint=where, **settings), "tests", "email")  # type: ignore[arg-type]


def make_spans(tracing: Tracing, count: int) -> None:
    for _ in range(count):
        tracing.tracer.start_span("x").end()


def test_spans_arrive_with_what_they_have_in_common(receiver: Receiver) -> None:
    tracing = start(receiver.endpoint)
    make_spans(tracing, 3)
    tracing.close()
    assert [span["service"] for span in receiver.spans] == ["tests"] * 3
    assert {span["capability"] for span in receiver.spans} == {"email"}


def test_a_library_that_watches_calls_by_http_makes_no_spans_of_sending_spans(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, send = [], requests.Session.send

    def watched(*args: Any, **kwargs: Any) -> requests.Response:
        asked.append(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY))
        return send(*args, **kwargs)

    monkeypatch.setattr(requests.Session, "send", watched)
    tracing = start(receiver.endpoint)
    make_spans(tracing, 1)
    tracing.close()
    assert asked == [True]


def test_the_part_that_is_sampled_is_the_part_that_is_asked_for(receiver: Receiver) -> None:
    tracing = start(receiver.endpoint, ratio=0.25)
    make_spans(tracing, 2000)
    tracing.close()
    assert 380 < len(receiver.spans) < 620


def test_what_is_not_sampled_costs_no_record_unless_traces_are_kept() -> None:
    sent, kept = start("http://127.0.0.1:9", ratio=0.0), start(kept_traces=5, ratio=0.0)
    assert not sent.tracer.start_span("x").is_recording()
    assert kept.tracer.start_span("x").is_recording()
    sent.close()
    kept.close()


def test_a_receiver_that_refuses_is_told_of_once_and_again_when_it_takes(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    tracing = start(receiver.endpoint)
    assert tracing.sending is not None
    caplog.set_level(logging.INFO)
    receiver.mood = "refuses"
    for _ in range(3):
        make_spans(tracing, 2)
        tracing.sending.force_flush()
    receiver.mood = "takes"
    make_spans(tracing, 1)
    tracing.sending.force_flush()
    tracing.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "127.0.0.1" in caplog.text
    assert tracing.lost == 6


def test_a_receiver_that_hangs_keeps_neither_spans_nor_the_end_of_the_process(
    receiver: Receiver,
) -> None:
    receiver.mood = "hangs"
    tracing = start(receiver.endpoint)
    make_spans(tracing, 1100)
    while not receiver.requests:
        time.sleep(0.01)
    make_spans(tracing, 6000)
    assert tracing.sending is not None
    assert tracing.sending.waiting == 4096
    assert tracing.lost > 6000 - 4096
    tracing.close()


def test_where_nobody_listens_spans_are_lost_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
        tracing = start(endpoint)
        make_spans(tracing, 5)
        tracing.close()
    assert all("Traceback" not in record.getMessage() for record in caplog.records)
    assert len(caplog.records) <= 1


def run_once(tracing: Tracing, told: dict[str, Any], events: int = 0) -> str:
    """A run of one span; the id of its trace."""
    whole = {"gen_ai.operation.name": "invoke_workflow", **told}
    with tracing.tracer.start_as_current_span("invoke_workflow x", attributes=whole) as span:
        for _ in range(events):
            span.add_event("said", {"what": "w" * 500})
    return f"{span.get_span_context().trace_id:032x}"


def test_the_line_of_a_run_says_what_its_span_does() -> None:
    tracing = start(kept_traces=5)
    told = {
        "graphwarden.run_id": "r-1",
        "gen_ai.conversation.id": "deal-7",
        "graphspec.assistant_id": "x",
        "graphspec.capability": "email",
        "graphwarden.outcome": "error",
        "graphwarden.run.attempt": 2,
        "error.type": "ValueError",
    }
    trace = run_once(tracing, told)
    assert tracing.store is not None
    (line,), ((span,), _) = tracing.store.list_runs(), tracing.store.find(trace)
    of_span = ("trace_id", "span_id", "started_at", "duration_ms", "error_type")
    assert {name: line[name] for name in of_span} == {name: span[name] for name in of_span}
    assert [line[name] for name in ("run_id", "thread_id", "assistant_id", "capability")] == [
        *("r-1", "deal-7", "x", "email")
    ]
    assert (line["status"], line["attempt"]) == ("error", 2)


def test_a_span_that_says_much_counts_for_more_of_what_is_kept() -> None:
    tracing = start(kept_traces=5)
    assert tracing.store is not None
    run_once(tracing, {})
    plain = tracing.store.size
    run_once(tracing, {}, events=100)
    assert tracing.store.size - plain > 50_000
