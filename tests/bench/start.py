"""How soon a worker is ready: against the import of LangGraph alone, with and without bytecode.

    PYTHONPATH=tests .venv/bin/python -m bench.start [--rounds 5] [--json FILE]

From the start of the process to the first 200 of `/ready`, asked every 5 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.load import summarise, there_and_back
from bench.machine import HERE, describe_machine
from worker_process import BYTECODE, free_port, make_row, write_registry

READY_SECONDS = 1.0
_LONGEST_SECONDS = 60.0
_ASK_SECONDS = 0.005


def import_langgraph(folder: Path) -> float:
    """The floor: what every process that runs graphs pays."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import langgraph.graph"], check=True, env={**os.environ, **BYTECODE}
    )
    return time.perf_counter() - began


def start_worker(
    folder: Path, graphs: int, *arguments: str, bytecode: bool = True, **row: Any
) -> float:
    """A worker with so many graphs, all of them in one module."""
    registry, port = folder / "registry.json", free_port()
    names = [f"graph_{number}" for number in range(graphs)]
    write_registry(
        registry, [make_row(n, "build_ten", module="bench.chains", **row) for n in names]
    )
    nowhere = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(folder / "nothing")}
    environment = {**os.environ, **(BYTECODE if bytecode else nowhere)}
    command = [sys.executable, "-m", "graphwarden.worker", "--registry", str(registry)]
    command += ["--capability", "bench", "--port", str(port), "--app-dir", str(HERE.parent)]
    began = time.perf_counter()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*command, *arguments], env=environment, stderr=log)
    try:
        while not is_ready(port):
            if process.poll() is not None or time.perf_counter() - began > _LONGEST_SECONDS:
                raise RuntimeError(
                    f"the worker is not ready: {(folder / 'log').read_text()[-500:]}"
                )
            time.sleep(_ASK_SECONDS)
        return time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def is_ready(port: int) -> bool:
    """Whether `/ready` answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False


def with_database(folder: Path) -> float:
    """A worker whose graph is resumable: ready means that the database is open too."""
    url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
    return start_worker(folder, 1, "--database-url", url, resumable=True)


SUBJECTS: tuple[tuple[str, Callable[[Path], float]], ...] = (
    ("import langgraph.graph", import_langgraph),
    ("worker, 1 graph", lambda folder: start_worker(folder, 1)),
    ("worker, 35 graphs", lambda folder: start_worker(folder, 35)),
    ("worker, 1 resumable graph, SQLite", with_database),
    ("worker, 1 graph, no bytecode", lambda folder: start_worker(folder, 1, bytecode=False)),
)


def run(rounds: int) -> dict[str, dict[str, float]]:
    """Seconds by subject. The first start of each fills caches and does not count."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for _, start in SUBJECTS:
            start(Path(folder))
        for name, start in there_and_back(SUBJECTS, rounds):
            found[name].append(start(Path(folder)))
    return {name: summarise(values) for name, values in found.items()}


def main() -> int:
    """0: the goal is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="there and back each")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    figures = run(options.rounds)
    floor = figures[SUBJECTS[0][0]]["median"]
    print(f"{'':36}{'seconds':>9}{'spread':>15}{'x import':>10}")
    for name, figure in figures.items():
        spread = f"{figure['min']:.2f}-{figure['max']:.2f}"
        print(f"{name:36}{figure['median']:9.2f}{spread:>15}{figure['median'] / floor:10.1f}")
    if options.json:
        told = {"machine": describe_machine(), "seconds": figures}
        options.json.write_text(json.dumps(told, indent=1))
    return 0 if figures["worker, 1 graph"]["median"] <= READY_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
