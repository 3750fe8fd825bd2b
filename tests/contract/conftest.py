"""A worker on SQLite, and the vendor's client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

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


@pytest_asyncio.fixture(loop_scope="module")
async def client(worker: WorkerProcess) -> AsyncIterator[LangGraphClient]:
    """langgraph-sdk's own client."""
    async with get_client(url=worker.url) as sdk:
        yield sdk
