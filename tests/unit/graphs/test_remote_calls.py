"""Calls of graphs through the router: waiting, repeating, and who is told the trace."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from graphs.sales.remote import (
    CallFailed,
    RouterMissing,
    call_graph,
    close_clients,
    make_key,
    make_wait_seconds,
)
from integration.router.upstream import Received, Script, Upstream, always, answer, listening


def one_after_the_other(*answers: bytes) -> Script:
    rest = iter(answers)

    async def script(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(rest))

    return script


async def call(upstream: Upstream, seconds: float = 20, **given: Any) -> dict[str, Any]:
    environment = {
        "GRAPHWARDEN_URL": f"http://{upstream.endpoint}",
        "LANGGRAPH_API_KEY": "secret",
    }
    try:
        return await call_graph(
            "icp_fit", given, scope="p1", patience_seconds=seconds, environment=environment
        )
    finally:
        await close_clients()


OK = answer(200, b'{"tier": "hot"}')
FULL = json.dumps({"detail": "the queue is full", "reason": "QueueFull"}).encode()


async def test_a_call_is_a_run_with_the_key_of_the_router_and_one_of_its_own() -> None:
    async with listening(one_after_the_other(OK)) as upstream:
        assert await call(upstream, company_id="c1") == {"tier": "hot"}
    (received,) = upstream.received
    body = json.loads(received.body)
    assert received.line == "POST /runs/wait HTTP/1.1"
    assert (body["assistant_id"], body["input"]) == ("icp_fit", {"company_id": "c1"})
    assert received.headers["x-api-key"] == "secret"
    assert received.headers["idempotency-key"] == make_key("p1", "icp_fit", {"company_id": "c1"})


@pytest.mark.parametrize("status", [429, 503])
async def test_a_call_that_there_is_no_room_for_waits_as_long_as_it_is_told(status: int) -> None:
    refusal = answer(status, FULL, retry_after="0")
    async with listening(one_after_the_other(refusal, refusal, OK)) as upstream:
        assert await call(upstream) == {"tier": "hot"}
    keys = {each.headers["idempotency-key"] for each in upstream.received}
    assert (len(upstream.received), len(keys)) == (3, 1)


async def test_patience_has_an_end() -> None:
    async with listening(always(503, FULL, retry_after="60")) as upstream:
        with pytest.raises(CallFailed, match="icp_fit: QueueFull: the queue is full") as caught:
            await call(upstream, seconds=5)
    assert caught.value.kind == "QueueFull"
    assert len(upstream.received) == 1


@pytest.mark.parametrize("status", [401, 404, 422, 500])
async def test_what_would_be_refused_again_is_not_sent_again(status: int) -> None:
    async with listening(always(status, b'{"detail": "no"}')) as upstream:
        with pytest.raises(CallFailed, match=f"HTTP{status}: no"):
            await call(upstream)
    assert len(upstream.received) == 1


async def test_a_broken_connection_is_tried_again_under_the_same_key() -> None:
    keys = []

    async def script(
        received: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        keys.append(received.headers["idempotency-key"])
        if len(keys) == 1:
            writer.transport.abort()
        else:
            writer.write(OK)

    async with listening(script) as upstream:
        assert await call(upstream) == {"tier": "hot"}
    assert keys[0] == keys[1]


async def test_an_error_of_the_graph_is_told_by_its_name() -> None:
    body = {"__error__": {"error": "ValueError", "message": "Send company_id."}}
    async with listening(always(200, json.dumps(body).encode())) as upstream:
        with pytest.raises(CallFailed, match=r"icp_fit: ValueError: Send company_id\."):
            await call(upstream)


async def test_nobody_is_called_without_an_address_of_the_router() -> None:
    with pytest.raises(RouterMissing, match="set GRAPHWARDEN_URL"):
        await call_graph("icp_fit", {}, scope="p1", environment={})


def test_a_key_depends_on_scope_graph_and_input() -> None:
    keys = {
        make_key("a", "g", {"x": 1, "y": 2}), make_key("a", "g", {"y": 2, "x": 1}),
        make_key("b", "g", {"x": 1, "y": 2}), make_key("a", "h", {"x": 1, "y": 2}),
        make_key("a", "g", {"x": 1}),
    }  # fmt: skip
    assert len(keys) == 4


def test_waits_grow_to_a_limit() -> None:
    assert [make_wait_seconds(attempt) for attempt in (0, 1, 2, 99)] == [0.5, 1, 2, 15]
