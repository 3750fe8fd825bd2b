from __future__ import annotations

import pytest

from graphwarden.telemetry.trace import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_valid_header_is_read_and_written_alike() -> None:
    context = TraceContext.parse(f"00-{TRACE}-{SPAN}-01")
    assert context == TraceContext(TRACE, SPAN, sampled=True)
    assert context.header == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-extra",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_an_invalid_header_is_no_context(header: str | None) -> None:
    assert TraceContext.parse(header) is None


def test_a_later_version_may_carry_more() -> None:
    context = TraceContext.parse(f"01-{TRACE}-{SPAN}-00-more")
    assert context is not None
    assert not context.sampled


def test_a_child_stays_in_the_trace_with_a_span_of_its_own() -> None:
    parent = TraceContext.mint()
    child = parent.child()
    assert child.trace_id == parent.trace_id
    assert child.span_id != parent.span_id


def test_a_call_without_a_context_starts_a_trace() -> None:
    assert TraceContext.parse(TraceContext.accept(None).header)
