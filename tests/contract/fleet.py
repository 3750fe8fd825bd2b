"""A real router over several pools of real workers on one database.

    async with running_fleet(
        folder,
        {"left": [make_row("asking", resumable=True)], "right": [make_row("echo")]},
        database_url=url,
        workers={"left": 2},
    ) as fleet:
        await fleet.sdk.runs.wait(None, "echo", input={"foo": "x"})
        await fleet.pools["left"][0].kill()
        await fleet.route()

The fixture `fleet` in conftest.py is one with the rows of `POOLS`, once per module and database.
Every worker finds the router's address in `GRAPHWARDEN_TESTS_ROUTER_URL`, for `RemoteGraph`.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from integration.router.upstream import Router, running_router
from worker_process import WorkerProcess, make_row, running_worker, until

Rows = Sequence[dict[str, Any]]
_OF_SPANS = ("OTEL_", "GRAPHWARDEN_TRACE")

POOLS: dict[str, Rows] = {
    "left": [make_row("asking", resumable=True), make_row("echo")],
    "right": [
        make_row("kept", "build_echo", resumable=True),
        make_row("kept_slow", "build_slow", resumable=True),
    ],
}


@dataclass
class Fleet:
    """A running router and its workers, by pool."""

    router: Router
    sdk: LangGraphClient
    database_url: str
    rows: Mapping[str, Rows]
    pools: dict[str, list[WorkerProcess]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the router."""
        return self.router.url

    async def route(self, **pools: dict[str, Any]) -> None:
        """Put a table of all workers that run in force; `pools` overrides fields of pools."""
        found = {
            name: {
                "endpoints": [endpoint_of(w) for w in workers if w.process.returncode is None],
                "has_storage": True,
                **pools.get(name, {}),
            }
            for name, workers in self.pools.items()
        }
        assistants = {
            row["assistant_id"]: {"pool": pool, "resumable": row["resumable"]}
            for pool, rows in self.rows.items()
            for row in rows
        }
        await self.router.route(found, **assistants)


def endpoint_of(worker: WorkerProcess) -> str:
    """`host:port`, as in the route table."""
    return worker.url.removeprefix("http://")


def freeze(worker: WorkerProcess) -> None:
    """The process stays, and does nothing more, until `thaw`."""
    worker.process.send_signal(signal.SIGSTOP)


def thaw(worker: WorkerProcess) -> None:
    """Go on after `freeze`."""
    worker.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def running_fleet(
    folder: Path,
    rows: Mapping[str, Rows] = POOLS,
    *,
    database_url: str,
    workers: Mapping[str, int] | None = None,
    **environment: str,
) -> AsyncIterator[Fleet]:
    """A fleet for as long as the block lasts.

    Args:
        folder: for registries, logs and the table.
        rows: the graphs of each pool.
        database_url: what all pools share.
        workers: processes per pool; one where it does not say.
        environment: of every worker; what it says of spans holds for the router too.
    """
    async with AsyncExitStack() as stack:
        of_spans = {k: v for k, v in environment.items() if k.startswith(_OF_SPANS)}
        router = await stack.enter_async_context(running_router(folder, **of_spans))
        sdk = await stack.enter_async_context(get_client(url=router.url))
        fleet = Fleet(router, sdk, database_url, rows)
        shared = {
            "GRAPHWARDEN_DATABASE_URL": database_url,
            "GRAPHWARDEN_TESTS_ROUTER_URL": router.url,
            "GRAPHWARDEN_URL": router.url,
            **environment,
        }
        for pool, ours in rows.items():
            for number in range((workers or {}).get(pool, 1)):
                running = running_worker(folder / f"{pool}-{number}", list(ours), **shared)
                worker = await stack.enter_async_context(running)
                fleet.pools.setdefault(pool, []).append(worker)
        for worker in (worker for ours in fleet.pools.values() for worker in ours):
            await until(lambda at=worker: _has_storage(at))
        await fleet.route()
        yield fleet


async def _has_storage(worker: WorkerProcess) -> bool:
    with contextlib.suppress(httpx.TransportError):
        counted = await worker.http.post("/assistants/count?stored_only=true", json={})
        return counted.is_success
    return False
