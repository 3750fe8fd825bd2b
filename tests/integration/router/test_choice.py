"""Which worker of a pool gets a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.router.upstream import Received, Router, answer, listening, running_router

pytestmark = pytest.mark.integration


@pytest.fixture
async def asking_router(tmp_path: Path) -> AsyncIterator[Router]:
    async with running_router(tmp_path, "--load-table-seconds=0.05") as running:
        yield running


class Worker:
    """Tells what it has loaded, unless it is silent."""

    def __init__(self, *loaded: str) -> None:
        self.graphs = [{"assistant_id": name, "loaded": True} for name in loaded]
        self.is_silent = False

    async def __call__(
        self, request: Received, _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.is_silent:
            await asyncio.sleep(60)
        body = {"graphs": self.graphs} if request.line.startswith("GET /graphs") else {}
        writer.write(answer(200, json.dumps(body).encode()))


async def until_settled() -> None:
    """Several looks later."""
    await asyncio.sleep(0.3)


async def test_a_worker_that_has_not_loaded_the_graph_is_passed_over(
    asking_router: Router,
) -> None:
    async with listening(Worker("x")) as able, listening(Worker("y")) as unable:
        await asking_router.to(able.endpoint, unable.endpoint)
        await until_settled()
        for _ in range(6):
            await asking_router.run()
        assert (len(able.received), len(unable.received)) == (6, 0)


async def test_where_no_worker_has_the_graph_one_of_them_says_why(asking_router: Router) -> None:
    async with listening(Worker()) as one, listening(Worker()) as two:
        await asking_router.to(one.endpoint, two.endpoint)
        await until_settled()
        for _ in range(4):
            await asking_router.run()
        assert (len(one.received), len(two.received)) == (2, 2)


async def test_a_silent_worker_is_passed_over_while_others_answer(asking_router: Router) -> None:
    silent = Worker("x")
    async with listening(Worker("x")) as able, listening(silent) as frozen:
        await asking_router.to(able.endpoint, frozen.endpoint)
        silent.is_silent = True
        await asyncio.sleep(4)
        for _ in range(6):
            await asking_router.run()
        assert (len(able.received), len(frozen.received)) == (6, 0)


async def test_connections_past_the_limit_are_told_so(tmp_path: Path) -> None:
    async with running_router(tmp_path, "--max-connections=3") as router:
        kept = [await asyncio.open_connection("127.0.0.1", router.port) for _ in range(3)]
        refused = await router.send(b"GET /live HTTP/1.1\r\nHost: r\r\n\r\n")
        assert b" 503 " in refused
        assert b"TooManyConnections" in refused
        for _, writer in kept:
            writer.close()
            await writer.wait_closed()
