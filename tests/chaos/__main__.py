"""`python -m chaos`: rounds of kill loops until there were enough kills, or the time is up."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos.campaign import Report, Round, play
from postgres_server import PostgresMissing, running_postgres

_SCENES: tuple[tuple[str, dict[str, int]], ...] = (
    ("both", {"kill": 15}),
    ("both", {"commit-kill": 15}),
    ("both", {"kill": 6, "commit-kill": 6, "drain": 3, "client-gone": 3}),
    ("postgresql", {"restart": 3, "kill": 6}),
    ("sqlite", {"disk-full": 3, "kill": 6}),
    ("both", {"stop": 2, "kill": 4}),
)


def make_round(number: int, seed: int, long_stop: bool) -> Round:
    """The round of a number: all scenes in turn, on each database, with each durability."""
    cases = [
        (database, durability, faults)
        for where, faults in _SCENES
        for database in ("sqlite", "postgresql")
        if where in ("both", database)
        for durability in ("sync", "async")
    ]
    database, durability, faults = cases[number % len(cases)]
    lease, stop = (20.0, 60.0) if long_stop and number < len(cases) else (3.0, 5.0)
    return Round(
        database, durability, faults, seed + number, lease_seconds=lease, stop_seconds=stop
    )


def main() -> int:
    """0: every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="SIGKILLs that are enough")
    parser.add_argument("--minutes", type=float, default=60, help="when to end at the latest")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--short-stops", action="store_true", help="stop 5 s, never 60 s")
    parser.add_argument(
        "--report", type=Path, default=Path("chaos.json"), help="goes on from what it holds"
    )
    return asyncio.run(_play_all(parser.parse_args()))


async def _play_all(options: argparse.Namespace) -> int:
    until = time.monotonic() + options.minutes * 60
    options.report.parent.mkdir(parents=True, exist_ok=True)
    reports = _read(options.report)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except PostgresMissing as missing:
            print(f"nothing on PostgreSQL: {missing}")
            server = None
        while _count_kills(reports) < options.kills and time.monotonic() < until:
            round_ = make_round(len(reports), options.seed, not options.short_stops)
            if round_.database == "postgresql" and server is None:
                reports.append({"name": round_.name, "skipped": ["no PostgreSQL"]})
                continue
            report = await play(round_, server)
            reports.append(asdict(report))
            _tell(report, _count_kills(reports), options.kills)
            options.report.write_text(json.dumps(summarise(reports), indent=1))
    summary = summarise(reports)
    print(json.dumps({k: v for k, v in summary.items() if k != "rounds"}, indent=1))
    return 1 if summary["problems"] else 0


def summarise(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """All rounds, and their sums."""
    disturbances: Counter[str] = Counter()
    for report in reports:
        disturbances.update(report.get("disturbances", {}))
    names = ("runs", "executions", "extra_executions", "given_up", "clients_left")
    return {
        "kills": _count_kills(reports),
        "disturbances": dict(disturbances),
        **{name: sum(report.get(name, 0) for report in reports) for name in names},
        "problems": sum(len(report.get("problems", ())) for report in reports),
        "rounds": reports,
    }


def _count_kills(reports: list[dict[str, Any]]) -> int:
    kinds = ("kill", "commit-kill")
    return sum(report.get("disturbances", {}).get(kind, 0) for report in reports for kind in kinds)


def _read(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())["rounds"]) if path.exists() else []


def _tell(report: Report, kills: int, wanted: int) -> None:
    print(
        f"[{kills}/{wanted} kills] {report.name} seed {report.seed}: {report.kills} kills, "
        f"{report.runs} runs, {report.extra_executions} extra executions, {report.seconds} s"
    )
    for skipped in report.skipped:
        print(f"  skipped {skipped}")
    for problem in report.problems:
        print(f"  PROBLEM {problem}")
    sys.stdout.flush()


if __name__ == "__main__":
    random.seed()
    sys.exit(main())
