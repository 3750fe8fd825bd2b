"""One worker process: how it is started, what it says of its graphs, how it ends."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from graphwarden.api.fleet import Pool
from graphwarden.local.changes import make_environment
from graphwarden.local.process import EXIT_SECONDS, KEEP_TRACES, start_program, stop_program
from graphwarden.local.state import StateDirectory

_HOST = "127.0.0.1"
_LOOK_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class WorkerOptions:
    """What every worker of this fleet is started with."""

    state: StateDirectory
    app_dir: Path
    database_url: str
    router_url: str
    drain_seconds: float
    log_format: str = "text"

    @property
    def grace_seconds(self) -> float:
        """How long a worker that was told to end may take."""
        return self.drain_seconds + EXIT_SECONDS


@dataclass(eq=False)
class Worker:
    """A running worker process and what it last said of its graphs."""

    process: Process
    address: str
    answers: bool = False
    table: dict[str, Any] | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the process is no more."""
        return self.process.returncode is not None

    @property
    def is_settled(self) -> bool:
        """Whether it answers, and each graph is loaded or has failed for good."""
        graphs = (self.table or {}).get("graphs", [])
        return (
            self.answers
            and self.table is not None
            and all(g["loaded"] or g["reason"] not in (None, "Pending") for g in graphs)
        )

    async def look(self, client: httpx.AsyncClient) -> bool:
        """Ask it for its load table; whether anything is other than last time."""
        before = (self.answers, self.table)
        try:
            answer = await client.get(
                f"http://{self.address}/graphs", timeout=_LOOK_TIMEOUT_SECONDS
            )
            self.answers = answer.is_success
            if self.answers:
                self.table = _without_counts(answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            # No answer, or that of another program which took the port.
            self.answers = False
        return before != (self.answers, self.table)

    async def end(self, grace_seconds: float) -> None:
        """Let it drain, and end it when it has not after the grace."""
        await stop_program(self.process, grace_seconds)


def _without_counts(table: dict[str, Any]) -> dict[str, Any]:
    """The load table without what changes with every run."""
    graphs = [{k: v for k, v in graph.items() if k != "in_flight"} for graph in table["graphs"]]
    return {**table, "in_flight": 0, "graphs": graphs}


async def start_worker(name: str, pool: Pool, options: WorkerOptions, log: Path) -> Worker:
    """Start a worker of a pool on a free loopback port.

    Raises:
        OSError: the machine can start no process.
    """
    port = find_free_port()
    arguments = [
        f"--registry={options.state.registry(name)}",
        f"--host={_HOST}",
        f"--port={port}",
        f"--capability={pool.capability}",
        f"--concurrency={pool.spec.concurrency_per_replica}",
        f"--app-dir={options.app_dir}",
        f"--drain-seconds={options.drain_seconds:g}",
        f"--log-format={options.log_format}",
    ]
    # The address of a database may hold a password, and command lines are for all to read.
    environ = {
        **KEEP_TRACES,
        **make_environment(pool),
        "GRAPHWARDEN_DATABASE_URL": options.database_url,
        # Of this fleet, whatever the GraphPool says of the router of a cluster.
        "GRAPHWARDEN_URL": options.router_url,
        "PYTHONUNBUFFERED": "1",
    }
    process = await start_program("graphwarden.worker", arguments, log, environ)
    return Worker(process, f"{_HOST}:{port}")


def find_free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def end_all(workers: list[Worker], grace_seconds: float) -> None:
    """End several at once."""
    await asyncio.gather(*(worker.end(grace_seconds) for worker in workers))
