"""Checkpoint savers against LangGraph's own: a graph of ten nodes, resumable.

    .venv/bin/python tests/bench/savers.py [--rounds 5] [--json results.json]

PostgreSQL: 16 runs at a time, runs per second. SQLite: one run at a time, its time in the middle.
The order of each round is turned round for the next (A B, then B A), so that a machine that grows
slower or faster favours none.
"""

# ruff: noqa: E402 - the paths and the strictness of the serialiser come first

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypedDict

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "operator"), str(_ROOT / "tests")]
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

import aiosqlite
import psycopg
import uvloop
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.pregel._loop import AsyncPregelLoop
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.storage.database import open_storage
from graphwarden.worker.storage.fence import Fence, current_fence
from graphwarden.worker.storage.records import Thread
from graphwarden.worker.storage.rows import make_thread_row
from graphwarden.worker.storage.savers.pacing import pace_langgraph
from graphwarden.worker.storage.savers.pool import make_pool
from graphwarden.worker.storage.savers.postgres import PostgresSaver
from graphwarden.worker.storage.savers.sqlite import SqliteSaver
from graphwarden.worker.storage.tables import threads
from graphwarden.worker.storage.workers import Identity
from postgres_server import find_binaries, running_postgres

NODES = 10
UNPACED = AsyncPregelLoop.amatch_cached_writes
POOL = 10
Saver = BaseCheckpointSaver[Any]
Measure = Callable[[], Awaitable[float]]


class State(TypedDict, total=False):
    """A list that grows, and a text that is replaced."""

    log: Annotated[list[str], operator.add]
    text: str


def make_graph(saver: Saver) -> Any:
    """Ten nodes in a row that do nothing but write."""
    builder = StateGraph(State)
    before = START
    for number in range(NODES):

        async def node(_state: State, number: int = number) -> State:
            return {"log": [f"step {number}"], "text": f"text of step {number}"}

        builder.add_node(f"n{number}", node)
        builder.add_edge(before, f"n{number}")
        before = f"n{number}"
    return builder.compile(checkpointer=saver)


class Bench:
    """Runs of the graph on threads that are owned, as those of a worker are."""

    def __init__(self, saver: Saver, engine: AsyncEngine | None) -> None:
        self._graph = make_graph(saver)
        self._engine = engine

    async def measure_rate(self, runs: int, at_once: int, durability: str) -> float:
        """Runs per second, so many at a time."""
        self._set_pace()
        left = iter(await self._make_threads(runs))

        async def work() -> None:
            for thread_id in left:
                await self._run(thread_id, durability)

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return runs / (time.perf_counter() - started)

    async def measure_milliseconds(self, runs: int, durability: str) -> float:
        """How long one run takes: the middle of so many, one after another."""
        self._set_pace()
        taken = []
        for thread_id in await self._make_threads(runs):
            started = time.perf_counter()
            await self._run(thread_id, durability)
            taken.append((time.perf_counter() - started) * 1000)
        return statistics.median(taken)

    async def _run(self, thread_id: str, durability: str) -> None:
        if self._engine is not None:
            current_fence.set(Fence(thread_id, 1))
        config = {"configurable": {"thread_id": thread_id}}
        values = await self._graph.ainvoke({"text": "x"}, config, durability=durability)
        if len(values["log"]) != NODES:
            raise RuntimeError("the graph did not do its ten steps")

    def _set_pace(self) -> None:
        # What keeps runs from getting ahead of their database is ours; the others run without.
        if self._engine is not None:
            pace_langgraph()
        else:
            AsyncPregelLoop.amatch_cached_writes = UNPACED  # type: ignore[method-assign]

    async def _make_threads(self, count: int) -> list[str]:
        names = [uuid.uuid4().hex for _ in range(count)]
        if self._engine is not None:
            now = datetime.now(UTC)
            rows = [
                {**make_thread_row(Thread(name, now, now, now, {})), "fence": 1} for name in names
            ]
            async with self._engine.begin() as connection:
                await connection.execute(insert(threads), rows)
        return names


async def compare(measures: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Each measured in each round, every other round in the opposite order."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for measure in measures.values():
        await measure()
    for number in range(rounds):
        order = list(measures) if number % 2 == 0 else list(measures)[::-1]
        for name in order:
            found[name].append(await measures[name]())
    return found


@asynccontextmanager
async def postgres_savers(dsn: str) -> AsyncIterator[dict[str, Bench]]:
    """LangGraph's saver with its lock, on a pool and on one connection; without it; and ours."""
    async with AsyncExitStack() as stack:
        storage = await open_storage(dsn, Identity("127.0.0.1:1", "bench"))
        stack.push_async_callback(storage.close)

        async def pool(size: int) -> AsyncConnectionPool[Any]:
            kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
            plain = AsyncConnectionPool(dsn, max_size=size, min_size=1, open=False, kwargs=kwargs)
            return await stack.enter_async_context(plain)

        lifted = AsyncPostgresSaver(await pool(POOL))
        lifted.lock = nullcontext()  # type: ignore[assignment]
        ours = PostgresSaver(await stack.enter_async_context(make_pool(dsn, POOL, "bench")))
        yield {
            "no database (in memory)": Bench(InMemorySaver(), None),
            "AsyncPostgresSaver": Bench(AsyncPostgresSaver(await pool(POOL)), None),
            "AsyncPostgresSaver, one connection": Bench(AsyncPostgresSaver(await pool(1)), None),
            "AsyncPostgresSaver, lock lifted": Bench(lifted, None),
            "graphwarden": Bench(ours, storage.engine),
        }


@asynccontextmanager
async def sqlite_savers(folder: Path) -> AsyncIterator[dict[str, Bench]]:
    """LangGraph's saver as it comes and with a cheaper commit, and ours."""
    async with AsyncExitStack() as stack:
        storage = await open_storage(
            f"sqlite:///{folder / 'ours'}", Identity("127.0.0.1:1", "bench")
        )
        stack.push_async_callback(storage.close)
        savers = [
            AsyncSqliteSaver(await stack.enter_async_context(aiosqlite.connect(folder / name)))
            for name in ("stock", "normal")
        ]
        await savers[1].setup()
        await savers[1].conn.execute("PRAGMA synchronous=NORMAL")
        full_path = folder / "ours-full"
        connection = await stack.enter_async_context(aiosqlite.connect(full_path))
        full = SqliteSaver(connection, full_path, "FULL")
        stack.push_async_callback(full.aclose)
        yield {
            "no database (in memory)": Bench(InMemorySaver(), None),
            "AsyncSqliteSaver": Bench(savers[0], None),
            "AsyncSqliteSaver, NORMAL": Bench(savers[1], None),
            "graphwarden, FULL, no fence": Bench(full, None),
            "graphwarden": Bench(storage.checkpointer, storage.engine),
        }


def flush_to_disk(dsn: str) -> None:
    """Have the tests' server wait for the disk at each commit, as a real one does."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    data = Path(row[0] if row else "")
    options = (data / "postmaster.opts").read_text().split(maxsplit=1)[1].replace('"', "")
    options = options.replace("fsync=off", "fsync=on").strip()
    control = [str(find_binaries() / "pg_ctl"), "-D", str(data), "-w", "-l", "/dev/null"]
    subprocess.run(
        [*control, "-o", options, "restart"],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        user=data.stat().st_uid,
    )


async def bench_postgres(asked: argparse.Namespace, durability: str) -> dict[str, list[float]]:
    """Runs per second."""
    with running_postgres() as dsn:
        if not asked.no_fsync:
            flush_to_disk(dsn)
        async with postgres_savers(dsn) as savers:
            measures = {
                name: lambda bench=bench: bench.measure_rate(asked.runs, asked.at_once, durability)
                for name, bench in savers.items()
            }
            return await compare(measures, asked.rounds)


async def bench_sqlite(asked: argparse.Namespace, durability: str) -> dict[str, list[float]]:
    """Milliseconds per run."""
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        async with sqlite_savers(Path(folder)) as savers:
            measures = {
                name: lambda bench=bench: bench.measure_milliseconds(asked.single_runs, durability)
                for name, bench in savers.items()
            }
            return await compare(measures, asked.rounds)


def print_table(title: str, unit: str, found: Mapping[str, list[float]], stock: str) -> None:
    """Medians and spread, and the median of what it is to the stock saver's in the same round."""
    print(f"\n{title}\n\n| saver | median | lowest to highest | against {stock} |")
    print("| --- | --- | --- | --- |")
    for name, values in found.items():
        median = statistics.median(values)
        spread = f"{min(values):.1f} to {max(values):.1f}"
        against = statistics.median(map(operator.truediv, values, found[stock]))
        print(f"| {name} | {median:.1f} {unit} | {spread} | {against:.2f} × |")


def describe_machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


async def main(asked: argparse.Namespace) -> None:
    """Measure, print and write."""
    results: dict[str, Any] = {"machine": describe_machine(), "arguments": vars(asked)}
    print(json.dumps(results["machine"]))
    for durability in asked.durability:
        found = await bench_postgres(asked, durability)
        results[f"postgresql, {durability}, runs per second"] = found
        title = f"PostgreSQL, {asked.at_once} runs at a time, durability {durability}: runs/s"
        print_table(title, "/s", found, "AsyncPostgresSaver")
    for durability in asked.durability:
        found = await bench_sqlite(asked, durability)
        results[f"sqlite, {durability}, milliseconds per run"] = found
        title = f"SQLite, one run at a time, durability {durability}: time of a run"
        print_table(title, "ms", found, "AsyncSqliteSaver")
    results["load after"] = os.getloadavg()[0]
    if asked.json:
        Path(asked.json).write_text(json.dumps(results, indent=2) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--runs", type=int, default=96, help="runs of a round on PostgreSQL")
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--single-runs", type=int, default=40, help="runs of a round on SQLite")
    parser.add_argument("--durability", nargs="+", default=["async", "sync"])
    parser.add_argument("--no-fsync", action="store_true", help="PostgreSQL that awaits no disk")
    parser.add_argument("--folder", help="where the SQLite files are (default: the system's)")
    parser.add_argument("--json", help="file for the results")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(parse()))
