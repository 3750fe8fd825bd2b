"""How soon a run goes on when its worker is killed: from SIGKILL to the next node elsewhere.

`PYTHONPATH=tests python -m bench.resume --database postgresql --kills 100`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from chaos.campaign import make_effects
from chaos.databases import make_database
from chaos.fleet import Fleet
from postgres_server import running_postgres

_THREAD = "6f1c8f0e-0d3a-4c55-9d39-2b8f3c0e7a11"
_LONGEST_SECONDS = 60.0


async def measure(folder: Path, database_url: str, kills: int) -> list[float]:
    """Seconds from each kill to the next execution of a node on the other worker."""
    make_effects(folder)
    fleet = Fleet(folder, database_url, ("--database-pool-size", "4"), 2)
    journal = folder / "journal"
    found: list[float] = []
    try:
        await fleet.open()
        await _start(fleet, folder)
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.2, 0.6))
            holder = (await _next_line(journal, 0.0, None))["worker"]
            place = next(p for p, w in fleet.workers.items() if w.name == holder)
            killed = time.time()
            await fleet.kill(place)
            again = await _next_line(journal, killed, holder)
            found.append(again["at"] - killed)
            await fleet.fill(place)
    finally:
        await fleet.close()
    return found


async def _start(fleet: Fleet, folder: Path) -> None:
    body = {
        "assistant_id": "ticks",
        "if_not_exists": "create",
        "input": {"folder": str(folder), "request": "ticks", "left": 1_000_000},
        "config": {"recursion_limit": 1_000_001},
    }
    async with httpx.AsyncClient() as http:
        url = f"{fleet.workers[0].url}/threads/{_THREAD}/runs"
        (await http.post(url, json=body)).raise_for_status()


async def _next_line(journal: Path, after: float, not_by: str | None) -> dict[str, Any]:
    """The newest line of the journal, once there is one after `after` by another worker."""
    async with asyncio.timeout(_LONGEST_SECONDS):
        while True:
            line = _read_last(journal)
            if line is not None and line["at"] > after and line["worker"] != not_by:
                return line
            await asyncio.sleep(0.005)


def _read_last(journal: Path) -> dict[str, Any] | None:
    if not journal.exists():
        return None
    with journal.open("rb") as file:
        file.seek(max(0, journal.stat().st_size - 2048))
        lines = file.read().splitlines()
    found: dict[str, Any] | None = json.loads(lines[-1]) if lines else None
    return found


def main() -> None:
    """Measure, and print the median and the longest."""
    parser = argparse.ArgumentParser(prog="python -m bench.resume", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="resume-")))
        postgres = options.database == "postgresql"
        server = stack.enter_context(running_postgres()) if postgres else None
        url = make_database(options.database, folder, server).url
        found = sorted(asyncio.run(measure(folder, url, options.kills)))
    print(
        f"{options.database}: {len(found)} kills, seconds to the next node elsewhere: "
        f"p50 {statistics.median(found):.2f}, p95 {found[int(len(found) * 0.95)]:.2f}, "
        f"max {found[-1]:.2f} (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()
