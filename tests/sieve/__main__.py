"""`PYTHONPATH=tests python -m sieve`: the operator under every fault there is.

In the manner of Sieve (Sun et al., "Automatic Reliability Testing for Cluster Management
Controllers", OSDI 2022): a proxy before the API server kills the operator before and after each
single write, and drops, doubles and delays what it sees. Every walk must end as the undisturbed
one does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from integration.control.apiserver import require_programs, run_api_server
from sieve.walk import Case, Outcome, compare, walk

FAULTS = (
    "events dropped",
    "events doubled",
    "events delayed",
    "watches cut",
    "watches gone",
    "stale lists",
)
STORMS = ("409 storm", "429 storm", "500 storm", "503 storm")


def make_cases(writes: int) -> list[Case]:
    """Every case, for a workload of so many writes."""
    kills = [
        Case(f"killed {moment} write", number)
        for number in range(1, writes + 1)
        for moment in ("before", "after")
    ]
    storms = [Case(kind, number) for kind in STORMS for number in (1, writes // 2, writes - 3)]
    return [*(Case(kind) for kind in FAULTS), *storms, *kills]


def main() -> int:
    """Run every case and print what deviates; 1 when something does."""
    parser = argparse.ArgumentParser(prog="python -m sieve", description=__doc__)
    parser.add_argument("--report", type=Path, help="write JSON here")
    parser.add_argument("--every", type=int, default=1, help="only each n-th case")
    parser.add_argument("--first", type=int, default=1, help="number of the case to begin with")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the cases to run")
    parser.add_argument("--lanes", type=int, default=2, help="cases at a time")
    options = parser.parse_args()
    given = os.environ.get("GRAPHWARDEN_TEST_KUBECONFIG")
    with tempfile.TemporaryDirectory() as folder:
        if given:
            return run_all(Path(given), options)
        with run_api_server(Path(folder), require_programs()) as kubeconfig:
            return run_all(kubeconfig, options)


def run_all(kubeconfig: Path, options: argparse.Namespace) -> int:
    """All cases on one API server; each has a namespace, an operator and a worker of its own."""
    calm = walk(kubeconfig, Case("calm"))
    cases = make_cases(len(calm.writes))[:: options.every]
    wanted = options.only or range(options.first, len(cases) + 1)
    waiting, lock = iter([one for one in enumerate(cases, 1) if one[0] in wanted]), threading.Lock()

    def take() -> tuple[int, Case] | None:
        with lock:
            return next(waiting, None)

    def run_lane(_: int) -> list[tuple[int, dict[str, Any]]]:
        rows = []
        while taken := take():
            index, case = taken
            row = run_case(kubeconfig, calm, case)
            verdict = "; ".join(row["deviations"]) or "as undisturbed"
            print(
                f"{index}/{len(cases)} {case}: {row['writes']} writes (calm {len(calm.writes)}), "
                f"{verdict} ({row['seconds']:.0f} s)",
                flush=True,
            )
            rows.append((index, row))
        return rows

    with ThreadPoolExecutor(options.lanes) as pool:
        lanes = list(pool.map(run_lane, range(options.lanes)))
    rows = [row for _, row in sorted(itertools.chain(*lanes), key=lambda numbered: numbered[0])]
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(json.dumps({"calm": len(calm.writes), "cases": rows}, indent=1))
    return 1 if any(row["deviations"] for row in rows) else 0


def run_case(kubeconfig: Path, calm: Outcome, case: Case) -> dict[str, Any]:
    """One walk beside the calm one."""
    began = time.monotonic()
    try:
        found = walk(kubeconfig, case, calm)
        deviations, writes = compare(calm, found), len(found.writes)
    except AssertionError as error:
        deviations, writes = [str(error)], 0
    seconds = round(time.monotonic() - began, 1)
    return {"case": str(case), "writes": writes, "deviations": deviations, "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main())
