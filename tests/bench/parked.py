"""Thousands of threads parked on an interrupt: what they cost, and how they wake.

    PYTHONPATH=tests .venv/bin/python -m bench.parked [--threads 10000] [--database sqlite]

Parks through the API, restarts the worker three times, measures the idle worker, lets some wake at
a steady rate, and the rest all at once, or after a jump of the clock (`--jump-days 3`, with
libfaketime). Each thread must go on exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg

from bench.load import quantile, read_answer, read_cpu, read_memory, summarise
from bench.machine import describe_machine
from postgres_server import running_postgres
from worker_process import APP_DIR, BYTECODE, free_port, make_row, write_registry

PARK = make_row("park", "build_graph", module="flows.parking", resumable=True)
DAY = 24 * 3600.0
CALLERS = 8
IDLE_SECONDS = 10.0


class Fleet:
    """One worker at a time, on one database."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.effects = folder / "effects"
        self.effects.touch()
        self.database_url = database_url
        self.port = free_port()
        self.pid = 0

    @contextlib.asynccontextmanager
    async def worker(self, clock: str | None = None) -> AsyncIterator[None]:
        """A worker for as long as the block lasts, killed at its end; `clock` for libfaketime."""
        registry = self.folder / "registry.json"
        write_registry(registry, [PARK])
        command = [sys.executable, "-m", "graphwarden.worker", "--registry", str(registry)]
        command += ["--capability", "bench", "--port", str(self.port), "--app-dir", str(APP_DIR)]
        command += ["--database-url", self.database_url]
        environment = {**os.environ, **BYTECODE}
        if clock is not None:
            # Monotonic clocks stay as they are: a jump of the wall clock, as after a suspend.
            environment |= {
                "LD_PRELOAD": _find_faketime(),
                "FAKETIME": clock,
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
            }
        with (self.folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=log, stderr=log
            )
        self.pid = process.pid
        try:
            await self._until_ready()
            yield
        finally:
            process.kill()
            await process.wait()

    async def park(self, numbers: list[int], due: list[float]) -> float:
        """Park these threads; returns the seconds it took."""
        work = list(zip(numbers, due, strict=True))[::-1]
        began = time.perf_counter()

        async def caller() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            while work:
                number, when = work.pop()
                state = {"due": when, "effects": str(self.effects)}
                body = {"assistant_id": "park", "input": state, "if_not_exists": "create"}
                answer = await _post(reader, writer, f"/threads/deal-{number}/runs/wait", body)
                if b"__interrupt__" not in answer:
                    raise RuntimeError(answer.decode())
                if len(work) % 1000 == 0:
                    print(f"{len(work)} to park", file=sys.stderr)
            writer.close()

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return time.perf_counter() - began

    def woken(self) -> list[float]:
        """When each thread went on, by the clock of its worker."""
        return [float(line.split()[1]) for line in self.effects.read_text().splitlines()]

    async def until_woken(self, count: int, seconds: float) -> None:
        """Wait until so many went on, or the time is over."""
        limit = time.monotonic() + seconds
        while len(self.woken()) < count and time.monotonic() < limit:
            await asyncio.sleep(0.2)

    async def _until_ready(self) -> None:
        for _ in range(600):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"GET /graphs HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
                if b'"loaded":true' in answer.replace(b" ", b""):
                    return
            except OSError:
                pass
            await asyncio.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text()[-600:])


async def run(fleet: Fleet, threads: int, rate: float, jump_days: float) -> dict[str, Any]:
    """All figures of one database."""
    figures: dict[str, Any] = {"threads": threads, "database": fleet.database_url.split(":")[0]}
    steady = min(threads // 10, int(rate * 30))
    async with fleet.worker():
        figures["rss_mib_before"] = round(read_memory(fleet.pid), 1)
        figures["database_mib_before"] = _measure_database(fleet.database_url)
        # Far away at first: nobody may wake while the others are parked.
        rest = list(range(steady, threads))
        due_rest = time.time() + (jump_days - 0.01) * DAY
        took = await fleet.park(rest, [due_rest] * len(rest))
        figures["parked_per_second"] = round(len(rest) / took, 1)
        figures["rss_mib_parked"] = round(read_memory(fleet.pid), 1)
        figures["database_mib_parked"] = _measure_database(fleet.database_url)
    for _ in range(2):
        async with fleet.worker():
            await asyncio.sleep(1)
    async with fleet.worker():
        await asyncio.sleep(2)
        before = read_cpu(fleet.pid)
        await asyncio.sleep(IDLE_SECONDS)
        figures["idle_cpu_percent"] = round((read_cpu(fleet.pid) - before) / IDLE_SECONDS * 100, 1)
        figures["rss_mib_after_restart"] = round(read_memory(fleet.pid), 1)
        if fleet.woken():
            raise RuntimeError("a thread went on before its time")
        first = time.time() + 5 + steady / 20
        due = [first + number / rate for number in range(steady)]
        await fleet.park(list(range(steady)), due)
        await fleet.until_woken(steady, due[-1] - time.time() + 60)
        late = [(at - when) * 1000 for at, when in zip(sorted(fleet.woken()), due, strict=True)]
        figures["late_ms"] = {
            **summarise(late),
            "p50": round(quantile(late, 0.5), 1),
            "p99": round(quantile(late, 0.99), 1),
        }
    async with fleet.worker(f"+{jump_days:g}d"):
        await fleet.until_woken(threads, 60 + len(rest) / 10)
        await asyncio.sleep(2)
    together = sorted(fleet.woken())[steady:]
    figures["woken"] = len(together) + steady
    span = together[-1] - together[0] if len(together) > 1 else 0
    figures["drained_per_second"] = round(len(together) / span, 1) if span else None
    figures["runs_per_thread"] = _count_runs(fleet.database_url)
    return figures


def judge(figures: dict[str, Any]) -> list[tuple[str, bool]]:
    """The goals, and whether this run reached them."""
    late, threads = figures["late_ms"], figures["threads"]
    once = figures["woken"] == threads and figures["runs_per_thread"] == {"2": threads}
    return [
        (f"each of {threads} threads went on once", once),
        (f"at most {late['max']:.0f} ms late, goal 1000", late["max"] <= 1000 and once),
    ]


def _count_runs(url: str) -> dict[str, int]:
    """How many threads have how many runs: one that parked it, and one that woke it."""
    query = "SELECT thread_id, count(*) FROM graphwarden_runs GROUP BY thread_id"
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.partition("///")[2])) as connection:
            rows = connection.execute(query).fetchall()
    else:
        with psycopg.connect(url) as connection:
            rows = connection.execute(query).fetchall()
    return {str(count): times for count, times in Counter(row[1] for row in rows).items()}


def _measure_database(url: str) -> float:
    if url.startswith("sqlite"):
        path = Path(url.partition("///")[2])
        size = sum(file.stat().st_size for file in path.parent.glob(path.name + "*"))
    else:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        size = row[0] if row else 0
    return round(size / 1024 / 1024, 1)


def _find_faketime() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found or not shutil.which("faketime"):
        raise SystemExit("a jump of the clock needs libfaketime (Debian: faketime)")
    return str(found[0])


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: dict[str, Any]
) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
    return await read_answer(reader)


def main() -> None:
    """Measure, print, write, and end with 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=10_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--rate", type=float, default=20.0, help="threads due per second")
    parser.add_argument("--jump-days", type=float, default=3.0)
    parser.add_argument("--json", type=Path, default=Path("dist/bench-parked.json"))
    asked = parser.parse_args()
    results, reached = [], True
    wanted = ("sqlite", "postgresql") if asked.database == "both" else (asked.database,)
    for database in wanted:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = f"sqlite+aiosqlite:///{folder / 'data' / 'fleet.sqlite'}"
            if database == "postgresql":
                url = stack.enter_context(running_postgres())
            else:
                (folder / "data").mkdir()
            fleet = Fleet(folder, url)
            figures = asyncio.run(run(fleet, asked.threads, asked.rate, asked.jump_days))
        print(json.dumps(figures, indent=1))
        for words, is_so in judge(figures):
            print(f"{'reached' if is_so else 'MISSED '}  {database}: {words}")
            reached = reached and is_so
        results.append(figures)
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps({"machine": describe_machine(), "runs": results}, indent=1))
    sys.exit(not reached)


if __name__ == "__main__":
    main()
