"""One pool on this machine: a worker process that is started, watched, replaced and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from graphwarden.api.fleet import Pool
from graphwarden.local.changes import make_backoff_seconds, make_environment
from graphwarden.local.process import kill_program, read_tail, start_program, stop_program
from graphwarden.local.state import StateDirectory, write_atomically

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_STEADY_SECONDS = 60.0
_LOAD_LIMIT_SECONDS = 60.0
_POLL_SECONDS = 0.1
# The router reads its table ten times a second; a worker that leaves stays that long.
_TABLE_SECONDS = 0.5


@dataclass(frozen=True)
class WorkerOptions:
    """What every worker of this fleet is started with."""

    state: StateDirectory
    app_dir: Path
    database_url: str
    drain_seconds: float
    log_format: str = "text"


@dataclass
class Worker:
    """A running worker process and what it last said of its graphs."""

    process: Process
    address: str
    answers: bool = False
    table: dict[str, Any] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether each graph is loaded or has failed for good."""
        graphs = (self.table or {}).get("graphs", [])
        return self.table is not None and all(
            g["loaded"] or g["reason"] not in (None, "Pending") for g in graphs
        )


class PoolRunner:
    """Keeps one worker of a pool running. `on_change` is called when its state has changed."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        options: WorkerOptions,
        client: httpx.AsyncClient,
        on_change: Callable[[], None],
    ) -> None:
        self.name = name
        self.pool = pool
        self.worker: Worker | None = None
        self.last_error = ""
        self.restarts = 0
        self._options = options
        self._client = client
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._log = options.state.log(f"worker-{name}")

    @property
    def address(self) -> str | None:
        """`host:port` of the worker while it answers."""
        return self.worker.address if self.worker is not None and self.worker.answers else None

    @property
    def graphs(self) -> dict[str, dict[str, Any]]:
        """The load table by assistant id; empty while there is none."""
        table = self.worker.table if self.worker is not None else None
        return {g["assistant_id"]: g for g in (table or {}).get("graphs", [])}

    def start(self) -> None:
        """Start the worker, and again whenever it ends."""
        self._write_registry()
        self._task = asyncio.create_task(self._keep_running())

    def update(self, pool: Pool) -> None:
        """Give the worker new rows; it loads and drops graphs while it serves."""
        self.pool = pool
        self._write_registry()

    async def replace(self) -> None:
        """Put a new process in the worker's place, as code that is imported stays imported."""
        old = self.worker
        if old is None:
            return
        new = await self._spawn()
        await self._wait_until_settled(new)
        if new.process.returncode is not None:
            self._note_end(new)
            return
        self.worker = new
        self._on_change()
        task = asyncio.create_task(self._leave(old))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """Drain and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        worker, self.worker = self.worker, None
        grace = self._options.drain_seconds + 2
        leaving = [*self._leaving]
        if worker is not None:
            leaving.append(asyncio.create_task(_end(worker, grace)))
        await asyncio.gather(*leaving)

    def kill(self) -> None:
        """End at once."""
        if self.worker is not None:
            kill_program(self.worker.process)

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            self.worker = worker = await self._spawn()
            while self.worker is not None and self.worker.process.returncode is None:
                worker = self.worker
                await self._look(worker)
                settled = worker.answers and worker.is_settled
                await asyncio.sleep(_POLL_SECONDS * (5 if settled else 1))
            failures = 0 if loop.time() - started > _STEADY_SECONDS else failures + 1
            self.restarts += 1
            self._note_end(self.worker or worker)
            self.worker = None
            self._on_change()
            await asyncio.sleep(make_backoff_seconds(failures - 1) if failures else 0)

    async def _spawn(self) -> Worker:
        port = find_free_port()
        options = self._options
        arguments = [
            f"--registry={options.state.registry(self.name)}",
            f"--host={_HOST}",
            f"--port={port}",
            f"--capability={self.pool.capability}",
            f"--concurrency={self.pool.spec.concurrency_per_replica}",
            f"--database-url={options.database_url}",
            f"--app-dir={options.app_dir}",
            f"--drain-seconds={options.drain_seconds:g}",
            f"--log-format={options.log_format}",
        ]
        environ = make_environment(self.pool)
        process = await start_program("graphwarden.worker", arguments, self._log, environ)
        return Worker(process, f"{_HOST}:{port}")

    async def _look(self, worker: Worker) -> None:
        before = (worker.answers, worker.table)
        try:
            answer = await self._client.get(f"http://{worker.address}/graphs", timeout=2)
            worker.answers, worker.table = answer.is_success, answer.json()
            for graph in worker.table["graphs"]:
                graph.pop("in_flight", None)
            worker.table.pop("in_flight", None)
        except (httpx.HTTPError, ValueError):
            worker.answers = False
        if before != (worker.answers, worker.table):
            self._on_change()

    async def _wait_until_settled(self, worker: Worker) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOAD_LIMIT_SECONDS):
                while worker.process.returncode is None:
                    await self._look(worker)
                    if worker.answers and worker.is_settled:
                        return
                    await asyncio.sleep(_POLL_SECONDS)

    async def _leave(self, worker: Worker) -> None:
        await asyncio.sleep(_TABLE_SECONDS)
        await _end(worker, self._options.drain_seconds + 2)

    def _note_end(self, worker: Worker) -> None:
        code = worker.process.returncode
        self.last_error = f"worker ended with code {code}; see {self._log}"
        log.warning("%s\n%s", self.last_error, read_tail(self._log), extra={"pool": self.name})

    def _write_registry(self) -> None:
        write_atomically(self._options.state.registry(self.name), self.pool.registry.to_json())


async def _end(worker: Worker, grace_seconds: float) -> None:
    await stop_program(worker.process, grace_seconds)


def find_free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
