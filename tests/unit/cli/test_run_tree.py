from __future__ import annotations

from typing import Any

import pytest

from graphwarden.cli.run_tree import render_duration, render_tree


def make_span(name: str, number: int, parent: int | None = None, **other: Any) -> dict[str, Any]:
    return {
        "span_id": f"{number:016x}",
        "parent_span_id": f"{parent:016x}" if parent is not None else None,
        "name": name,
        "kind": "internal",
        "status": "unset",
        "error_type": None,
        "started_at": f"2026-11-30T09:00:{number:02d}.000000Z",
        "duration_ms": 12.0,
        "attributes": {},
        "events": [],
        "links": [],
        **other,
    }


def test_a_trace_is_a_tree_with_times_retries_errors_and_interrupts() -> None:
    failed = {
        "langgraph.task.attempt": 1,
        "code.file.path": "graphs/flow/nodes.py",
        "code.line.number": 7,
    }
    waits = {"name": "langgraph.interrupt", "attributes": {"wake_at": "2026-12-01T09:00"}}
    error = {"status": "error", "error_type": "ConnectionError", "attributes": failed}
    again = {"langgraph.task.attempt": 2}
    site = {"server.address": "api.example", "server.port": 443}
    spans = [
        make_span("invoke_workflow flow", 2, 1, duration_ms=1300.0),
        make_span("invoke_node draft", 3, 2, **error),
        make_span("invoke_node draft", 4, 2, attributes=again),
        make_span("POST", 5, 4, kind="client", attributes=site, duration_ms=0.4),
        make_span("invoke_node wait", 6, 2, events=[waits]),
        make_span("invoke_node stuck", 7, 2, duration_ms=None),
    ]
    assert render_tree(spans) == [
        "invoke_workflow flow                 1.3 s",
        "├─ invoke_node draft (attempt 1)     12 ms  ERROR ConnectionError  graphs/flow/nodes.py:7",
        "├─ invoke_node draft (attempt 2)     12 ms",
        "│  └─ POST api.example:443          0.4 ms",
        "├─ invoke_node wait                  12 ms  waits until 2026-12-01T09:00",
        "└─ invoke_node stuck                   ...",
    ]


def test_a_run_that_brings_an_answer_names_the_trace_that_waited() -> None:
    link = {"trace_id": "a" * 32, "span_id": "b" * 16}
    (line,) = render_tree([make_span("invoke_workflow flow", 1, links=[link])])
    assert line.endswith(f"goes on from trace {'a' * 32}")


def test_a_span_that_is_its_own_parent_ends_nothing() -> None:
    assert len(render_tree([make_span("odd", 1, 1)])) == 1


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "..."), (0.04, "0.0 ms"), (9.94, "9.9 ms"), (99.6, "100 ms"), (119_900, "119.9 s")],
)
def test_durations_have_few_digits(milliseconds: float | None, text: str) -> None:
    assert render_duration(milliseconds) == text.rjust(8)
