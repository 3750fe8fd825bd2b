"""Who may ask for the trace of a call."""

from __future__ import annotations

import pytest

from graphwarden.router.debugging import wants_trace
from graphwarden.router.request import Body, Headers, Request

ASKS = (b"x-debug-trace", b"1")


def make_request(headers: Headers) -> Request:
    body = Body(0, lambda: None, lambda: None)
    return Request("POST", b"/runs/wait", headers, body, http_1_0=False, keep_alive=True)


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "100.64.0.7", "fd00::1", "::1"])
def test_a_caller_of_this_network_that_asks_has_its_trace(peer: str) -> None:
    assert wants_trace(make_request([ASKS]), peer)


@pytest.mark.parametrize(
    ("headers", "peer"),
    [
        ([], "10.1.2.3"),
        ([(b"x-debug-trace", b"0")], "10.1.2.3"),
        ([ASKS], "8.8.8.8"),
        ([ASKS], ""),
        ([ASKS, (b"x-forwarded-for", b"10.0.0.1")], "10.1.2.3"),
        ([ASKS, (b"forwarded", b"for=10.0.0.1")], "10.1.2.3"),
    ],
)
def test_nobody_else_has(headers: Headers, peer: str) -> None:
    assert not wants_trace(make_request(headers), peer)
