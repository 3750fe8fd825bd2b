"""A real Envoy takes the configuration, follows it, and sends calls where the router would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from envoy_process import Envoy, find_envoy, running_envoy
from graphwarden.api import names
from graphwarden.api.table import AssistantRoute, PoolRoute
from integration.router.upstream import Upstream, always, listening

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def program() -> Path:
    return find_envoy()


@pytest.fixture
async def fleet(program: Path, tmp_path: Path) -> AsyncIterator[tuple[Envoy, Upstream, Upstream]]:
    """An Envoy before two pools: graph `x` in one, `y` in the other, which has storage."""
    envoy = Envoy(tmp_path / "envoy")
    async with listening(always(200, b'"a"')) as first, listening(always(200, b'"b"')) as second:
        envoy.route(
            make_pools(first, second), x=AssistantRoute(pool="a"), y=AssistantRoute(pool="b")
        )
        async with running_envoy(program, tmp_path, envoy):
            await envoy.until(lambda answer: answer.is_success, assistant_id="x")
            yield envoy, first, second


def make_pools(first: Upstream, second: Upstream, **other: Any) -> dict[str, PoolRoute]:
    return {
        "a": PoolRoute(endpoints=[first.endpoint], **other),
        "b": PoolRoute(endpoints=[second.endpoint], has_storage=True, **other),
    }


async def test_calls_go_by_the_body_by_the_header_and_by_the_id_of_the_assistant(
    fleet: tuple[Envoy, Upstream, Upstream],
) -> None:
    envoy, _, _ = fleet
    long = "x" * 300_000
    assert (await envoy.run(input=long, assistant_id="y")).json() == "b"
    named = await envoy.http.post("/runs/wait", content=b"{}", headers={"x-assistant-id": "y"})
    assert named.json() == "b"
    assert (await envoy.run(assistant_id=names.assistant_uuid("y"))).json() == "b"


async def test_the_worker_gets_the_body_as_it_was_sent(
    fleet: tuple[Envoy, Upstream, Upstream],
) -> None:
    envoy, first, _ = fleet
    body = {"input": {"text": "x" * 100_000}, "assistant_id": "x"}
    await envoy.run(**body)
    assert json.loads(first.received[-1].body) == body


async def test_nobodys_runs_are_refused_and_threads_go_to_the_pool_with_storage(
    fleet: tuple[Envoy, Upstream, Upstream],
) -> None:
    envoy, _, _ = fleet
    for body in ({"assistant_id": "nobody"}, {}, {"assistant_id": 7}):
        answer = await envoy.run(**body)
        assert answer.status_code == 422
        assert answer.json()["reason"] == "UnknownAssistant"
        assert answer.headers["content-type"] == "application/json"
    assert (await envoy.http.post("/threads", json={})).json() == "b"


async def test_a_new_graph_and_a_moved_one_are_followed(
    fleet: tuple[Envoy, Upstream, Upstream],
) -> None:
    envoy, first, second = fleet
    pools = make_pools(first, second)
    envoy.route(pools, x=AssistantRoute(pool="b"), z=AssistantRoute(pool="a"))
    assert (await envoy.until(lambda answer: answer.is_success, assistant_id="z")).json() == "a"
    await envoy.until(lambda answer: answer.text == '"b"', assistant_id="x")
    await envoy.until(lambda answer: answer.status_code == 422, assistant_id="y")


async def test_a_full_pool_refuses_and_the_other_does_not_notice(
    program: Path, tmp_path: Path
) -> None:
    envoy, release, arrived = Envoy(tmp_path / "envoy"), asyncio.Event(), asyncio.Semaphore(0)

    async def hold(_: Any, __: Any, writer: asyncio.StreamWriter) -> None:
        arrived.release()
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with listening(hold) as slow, listening(always(200)) as quick:
        pools = make_pools(slow, quick, concurrency_per_replica=2, max_queued=1)
        envoy.route(pools, x=AssistantRoute(pool="a"), y=AssistantRoute(pool="b"))
        async with running_envoy(program, tmp_path, envoy):
            await envoy.until(lambda answer: answer.is_success, assistant_id="y")
            calls = []
            for _ in range(2):
                # One after the other: a call whose connection is being made counts as queued.
                calls.append(asyncio.create_task(envoy.run(assistant_id="x")))
                await arrived.acquire()
            calls += [asyncio.create_task(envoy.run(assistant_id="x")) for _ in range(2)]
            refused, held = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            assert [call.result().status_code for call in refused] == [503]
            assert (await envoy.run(assistant_id="y")).status_code == 200
            release.set()
            assert [answer.status_code for answer in await asyncio.gather(*held)] == [200] * 3


async def test_what_a_worker_did_not_start_goes_to_another_unless_the_graph_forbids_it(
    program: Path, tmp_path: Path
) -> None:
    envoy = Envoy(tmp_path / "envoy")
    refusing = always(503, b"{}", x_graphwarden_not_started="1")
    async with listening(refusing) as full, listening(always(200)) as free:
        pools = {"a": PoolRoute(endpoints=[full.endpoint, free.endpoint])}
        envoy.route(pools, x=AssistantRoute(pool="a"), once=AssistantRoute(pool="a", retry="Never"))
        async with running_envoy(program, tmp_path, envoy):
            await envoy.until(lambda answer: answer.is_success, assistant_id="x")
            again = [(await envoy.run(assistant_id="x")).status_code for _ in range(8)]
            assert again == [200] * 8
            assert len(full.received) > 0
            await envoy.until(lambda answer: answer.status_code == 503, assistant_id="once")
