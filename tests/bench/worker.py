"""What the worker adds to a run: against bare LangGraph, `langgraph dev` and aegra, in one run.

    PYTHONPATH=tests .venv/bin/python -m bench.worker [--rounds 5] [--seconds 1] [--json FILE]

CPU per call comes from /proc and survives a noisy machine; latencies are of keep-alive connections.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from bench import chains
from bench.load import Call, Sample, measure, quantile, summarise, there_and_back
from bench.machine import describe_machine
from bench.peers import Peer, PeerMissing, aegra, langgraph_dev
from postgres_server import PostgresMissing, running_postgres
from worker_process import make_row, running_worker

HERE = Path(__file__).parent
STATE = {"foo": "x"}
ON_THREAD = "/threads/{thread}/runs/wait"
# A goal in CPU above the bare call, and one in time.
ABOVE_BARE_MS, RESUMABLE_SQLITE_MS = 1.0, 12.0


@dataclass(frozen=True)
class Case:
    """One thing to measure on each server that can do it."""

    name: str
    graph: str
    concurrency: int
    kept: bool = False

    def call(self, graph: str) -> Call:
        """The request."""
        body = {"assistant_id": graph, "input": STATE}
        if self.kept:
            return Call(ON_THREAD, {**body, "if_not_exists": "create"})
        return Call("/runs/wait", body)


CASES = (
    Case("1 node, stateless, 1 at once", "one", 1),
    Case("1 node, stateless, 8 at once", "one", 8),
    Case("10 nodes, stateless, 1 at once", "ten", 1),
    Case("10 nodes, stateless, 8 at once", "ten", 8),
    Case("10 nodes, on a thread, 1 at once", "ten", 1, kept=True),
    Case("10 nodes, on a thread, 8 at once", "ten", 8, kept=True),
)
Subject = tuple[str, Callable[[Case], Awaitable[Sample | None]]]


async def measure_bare(case: Case, seconds: float) -> Sample | None:
    """The graph alone, in this process."""
    if case.kept or case.concurrency > 1:
        return None
    graph = {"one": chains.one, "ten": chains.ten}[case.graph]
    latencies, until, cpu = [], time.perf_counter() + seconds, time.process_time()
    while time.perf_counter() < until:
        began = time.perf_counter()
        await graph.ainvoke(STATE)
        latencies.append((time.perf_counter() - began) * 1000)
    return Sample((time.process_time() - cpu) * 1000 / len(latencies), tuple(latencies))


def make_subject(name: str, peer: Peer, seconds: float, cases: Sequence[Case] = CASES) -> Subject:
    """A server to measure. Ours has one graph per way of keeping it, the others one for both."""

    async def sample(case: Case) -> Sample | None:
        if case not in cases:
            return None
        graph = case.graph
        if case.kept and name.startswith("graphwarden"):
            graph = "ten-kept"
        return await measure(peer.port, peer.pid, case.call(graph), case.concurrency, seconds)

    return name, sample


@contextlib.asynccontextmanager
async def our_worker(name: str, folder: Path, database_url: str) -> AsyncIterator[Peer]:
    """A worker of ours."""
    rows = [
        make_row("one", "build_one", module="bench.chains"),
        make_row("ten", "build_ten", module="bench.chains"),
        make_row("ten-kept", "build_ten", module="bench.chains", resumable=True),
    ]
    place = ("--database-url", database_url, "--app-dir", str(HERE.parent))
    async with running_worker(folder, rows, *place) as worker:
        yield Peer(name, int(worker.url.rpartition(":")[2]), worker.process.pid)


async def run(rounds: int, seconds: float, wanted: set[str]) -> dict[str, Any]:
    """Start all there is, measure, and give the figures by case and subject."""
    missing: dict[str, str] = {}
    subjects: list[Subject] = [("bare ainvoke", lambda case: measure_bare(case, seconds))]
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
        ours = await stack.enter_async_context(our_worker("sqlite", folder / "sqlite", url))
        subjects.append(make_subject("graphwarden sqlite", ours, seconds))
        try:
            dsn = stack.enter_context(running_postgres())
            ours = await stack.enter_async_context(our_worker("pg", folder / "pg", dsn))
            kept = [case for case in CASES if case.kept]
            subjects.append(make_subject("graphwarden postgresql", ours, seconds, kept))
        except PostgresMissing as reason:
            dsn, missing["postgresql"] = "", str(reason)
        for name, start in (
            ("langgraph dev", lambda: langgraph_dev(folder / "dev")),
            ("aegra", lambda: aegra(folder / "aegra", _make_database(dsn))),
        ):
            if name not in wanted:
                continue
            try:
                peer = await stack.enter_async_context(start())
                cases = await _try_cases(peer, missing)
                subjects.append(make_subject(name, peer, seconds, cases))
            except PeerMissing as reason:
                missing[name] = str(reason)
        samples = await _measure_all(subjects, rounds)
    return {"missing": missing, "figures": _make_figures(samples)}


async def _try_cases(peer: Peer, missing: dict[str, str]) -> list[Case]:
    """What a peer can do; what it cannot is told."""
    found = []
    for case in CASES:
        try:
            await measure(peer.port, peer.pid, case.call(case.graph), 1, 0.1)
            found.append(case)
        except (RuntimeError, OSError) as reason:
            missing[f"{peer.name}, {case.name}"] = str(reason).splitlines()[0]
    return found


async def _measure_all(subjects: list[Subject], rounds: int) -> dict[Any, list[Sample]]:
    samples: dict[Any, list[Sample]] = defaultdict(list)
    for case in CASES:
        for _, sample in subjects:
            # Warm: the first calls compile, connect and fill caches.
            await sample(case)
        for name, sample in there_and_back(subjects, rounds):
            found = await sample(case)
            if found is not None:
                samples[case.name, name].append(found)
        print(f"measured: {case.name}", file=sys.stderr)
    return samples


def _make_figures(samples: dict[Any, list[Sample]]) -> list[dict[str, Any]]:
    return [
        {
            "case": case,
            "subject": subject,
            "calls": sum(len(one.latencies) for one in found),
            "cpu_ms": summarise([one.cpu for one in found]),
            "p50_ms": summarise([quantile(one.latencies, 0.5) for one in found]),
            "p99_ms": summarise([quantile(one.latencies, 0.99) for one in found]),
        }
        for (case, subject), found in samples.items()
    ]


def judge(figures: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """The goals, and whether this run reached them."""
    found = {(f["case"], f["subject"]): f for f in figures}
    verdicts = []
    for graph in ("1 node", "10 nodes"):
        case = f"{graph}, stateless, 1 at once"
        bare = found[case, "bare ainvoke"]["cpu_ms"]["median"]
        ours = found[case, "graphwarden sqlite"]["cpu_ms"]["median"]
        words = f"{graph}: {ours - bare:.2f} ms CPU above bare, goal {ABOVE_BARE_MS}"
        verdicts.append((words, ours - bare <= ABOVE_BARE_MS))
    case = "10 nodes, on a thread, 1 at once"
    ours = found[case, "graphwarden sqlite"]["p50_ms"]["median"]
    words = f"10 nodes on a thread, SQLite: p50 {ours:.1f} ms, goal {RESUMABLE_SQLITE_MS}"
    verdicts.append((words, ours <= RESUMABLE_SQLITE_MS))
    for (case, subject), figure in found.items():
        if subject not in ("langgraph dev", "aegra"):
            continue
        # `langgraph dev` stores nothing: for what is kept, only its time can be compared.
        stores_nothing = subject == "langgraph dev" and "on a thread" in case
        measure_of, words = ("p50_ms", "time") if stores_nothing else ("cpu_ms", "CPU")
        other = "graphwarden postgresql" if subject == "aegra" else "graphwarden sqlite"
        ratio = figure[measure_of]["median"] / found[case, other][measure_of]["median"]
        verdicts.append((f"{case}: {subject} takes {ratio:.1f} x our {words}", ratio >= 1))
    return verdicts


def print_table(figures: list[dict[str, Any]]) -> None:
    """Medians, with the spread of the repeats."""
    print(f"{'case':34}{'subject':24}{'CPU ms/call':>22}{'p50 ms':>22}{'p99 ms':>22}")
    for figure in figures:
        cells = "".join(
            f"{f['median']:>8.2f} ({f['min']:.2f}-{f['max']:.2f})".rjust(22)
            for f in (figure["cpu_ms"], figure["p50_ms"], figure["p99_ms"])
        )
        print(f"{figure['case']:34}{figure['subject']:24}{cells}")


def _make_database(dsn: str) -> str:
    if not dsn:
        raise PeerMissing("it needs PostgreSQL")
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE aegra")
    return dsn.removesuffix("/postgres") + "/aegra"


def main() -> None:
    """Measure, print, write, and end with 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measured stretch")
    parser.add_argument("--peers", default="langgraph dev,aegra", help="which, separated by commas")
    parser.add_argument("--json", type=Path, default=Path("dist/bench-worker.json"))
    asked = parser.parse_args()
    machine = describe_machine()
    result = uvloop.run(run(asked.rounds, asked.seconds, set(asked.peers.split(","))))
    print_table(result["figures"])
    for name, reason in result["missing"].items():
        print(f"not measured: {name}: {reason}")
    verdicts = judge(result["figures"])
    for words, reached in verdicts:
        print(f"{'reached' if reached else 'MISSED '}  {words}")
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps({"machine": machine, **result}, indent=1) + "\n")
    sys.exit(not all(reached for _, reached in verdicts))


if __name__ == "__main__":
    main()
