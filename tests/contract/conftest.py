"""A worker on SQLite or a whole fleet on either database, and the vendor's client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from contract.fleet import Fleet, endpoint_of, running_fleet
from envoy_process import Envoy, find_envoy, running_envoy
from graphwarden.api.table import AssistantRoute, PoolRoute
from integration.router.upstream import running_router
from postgres_fixtures import make_database
from worker_process import WorkerProcess, make_row, running_worker

ROWS = [
    make_row("echo"),
    make_row("failing"),
    make_row("slow"),
    make_row("chat"),
    make_row("parent"),
    make_row("asking", resumable=True),
    make_row("kept", "build_echo", resumable=True),
    make_row("kept_failing", "build_failing", resumable=True),
    make_row("kept_slow", "build_slow", resumable=True),
    make_row("broken"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    """One worker for all tests of a module."""
    folder = tmp_path_factory.mktemp("worker")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    async with running_worker(folder, ROWS, "--database-url", database) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["worker", "router", "envoy"])
async def front(
    request: pytest.FixtureRequest,
    worker: WorkerProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[str]:
    """Where the worker is called: there, at a router, or at an Envoy with the router's table."""
    folder = tmp_path_factory.mktemp("front")
    pool = PoolRoute(endpoints=[endpoint_of(worker)], has_storage=True)
    routes = {
        row["assistant_id"]: AssistantRoute(pool="p", resumable=row["resumable"]) for row in ROWS
    }
    match request.param:
        case "worker":
            yield worker.url
        case "router":
            async with running_router(folder) as router:
                await router.route(
                    {"p": pool.model_dump()}, **{n: r.model_dump() for n, r in routes.items()}
                )
                yield router.url
        case _:
            envoy = Envoy(folder / "envoy")
            envoy.route({"p": pool}, **routes)
            async with running_envoy(find_envoy(), folder, envoy):
                await envoy.until(lambda answer: answer.is_success, assistant_id="echo", input={})
                yield envoy.url


@pytest_asyncio.fixture(loop_scope="module")
async def client(front: str) -> AsyncIterator[LangGraphClient]:
    """langgraph-sdk's own client."""
    async with get_client(url=front) as sdk:
        yield sdk


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fleet_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database for a module: a SQLite file, then a PostgreSQL database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database') / 'fleet.sqlite'}"
    return make_database(request.getfixturevalue("postgres_server"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(
    fleet_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """Two pools of `contract.fleet.POOLS`, two workers in the right one, behind a router."""
    folder = tmp_path_factory.mktemp("fleet")
    async with running_fleet(folder, database_url=fleet_database, workers={"right": 2}) as running:
        yield running
