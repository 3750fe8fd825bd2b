"""Workers on one database, each with a name, and what can be done to them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos.evidence import Disturbance

_TESTS = Path(__file__).parents[1]
_READY_SECONDS = 30.0


@dataclass(slots=True)
class Worker:
    """A living worker, at a place that it shares with those before and after it."""

    name: str
    pid: int
    pidfd: int
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def send(self, number: signal.Signals) -> None:
        """A signal to this very process, never to one that has its number by now."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return bool(select.select([self.pidfd], [], [], 0)[0])


@dataclass(slots=True)
class Fleet:
    """Places for workers; an empty one is filled again by `fill`."""

    folder: Path
    database_url: str
    arguments: tuple[str, ...]
    size: int
    workers: dict[int, Worker] = field(default_factory=dict)
    disturbances: list[Disturbance] = field(default_factory=list)
    starts: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    ports: list[int] = field(default_factory=list)
    _nursery: asyncio.subprocess.Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self) -> None:
        """Start the nursery and the first workers."""
        rows = [
            {
                "assistant_id": name,
                "module": "chaos.flows",
                "compiled_attr": "graph",
                "builder_attr": f"build_{builder}",
                "resumable": True,
                "generation": 1,
                "context": {},
                "run": {},
            }
            for name, builder in (("chaos", "graph"), ("ticks", "ticks"))
        ]
        registry = {"version": 1, "capability": "tests", "graphs": rows}
        (self.folder / "registry.json").write_text(json.dumps(registry))
        self.ports = [_free_port() for _ in range(self.size)]
        paths = [str(_TESTS), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chaos.nursery",
            env={**os.environ, "PYTHONPATH": ":".join(paths)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        # One after the other: the first makes the tables.
        for place in range(self.size):
            await self.fill(place)

    async def close(self) -> None:
        """End everything that was started here."""
        for worker in self.workers.values():
            worker.send(signal.SIGKILL)
            os.close(worker.pidfd)
        self.workers.clear()
        if self._nursery is not None and self._nursery.stdin is not None:
            self._nursery.stdin.close()
            await self._nursery.wait()

    async def fill(self, place: int) -> Worker:
        """Start a worker at a place, and return once it answers."""
        name = f"w{next(self.starts)}"
        port = self.ports[place]
        arguments = [
            *("--registry", str(self.folder / "registry.json"), "--capability", "tests"),
            *("--port", str(port), "--app-dir", str(_TESTS)),
            *("--database-url", self.database_url),
            *self.arguments,
        ]
        log = str(self.folder / "workers.log")
        order = {"name": name, "log": log, "arguments": arguments}
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        async with self._turn:
            self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
            pid = int(await self._nursery.stdout.readline())
            worker = Worker(name, pid, os.pidfd_open(pid), port)
        self.workers[place] = worker
        await self._until_ready(worker)
        return worker

    def choose(self) -> Worker:
        """Some living worker, for a call."""
        return random.choice(list(self.workers.values()))

    def note(self, kind: str, worker: str | None, since: float) -> None:
        """Put down what was done, once it is over."""
        self.disturbances.append(Disturbance(kind, worker, since, time.time()))

    async def kill(self, place: int, kind: str = "kill") -> None:
        """SIGKILL, and the end of the process."""
        since = time.time()
        self.workers[place].send(signal.SIGKILL)
        await self.bury(place, kind, since)

    async def bury(self, place: int, kind: str, since: float) -> None:
        """Wait for the end of a process that was told to end, and put it down."""
        worker = self.workers[place]
        while not worker.is_gone():
            await asyncio.sleep(0.002)
        os.close(worker.pidfd)
        self.note(kind, worker.name, since)

    async def _until_ready(self, worker: Worker) -> None:
        async with asyncio.timeout(_READY_SECONDS):
            while not await _is_ready(worker.port):
                if worker.is_gone():
                    raise RuntimeError(f"{worker.name} ended; see {self.folder / 'workers.log'}")
                await asyncio.sleep(0.02)


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"GET /graphs HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
        finally:
            writer.close()
    except OSError:
        return False
    return b" 200 " in answer[:20] and b"Pending" not in answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
