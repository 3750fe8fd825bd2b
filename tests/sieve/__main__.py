"""`PYTHONPATH=tests python -m sieve`: the operator under every fault there is.

In the manner of Sieve (Sun et al., "Automatic Reliability Testing for Cluster Management
Controllers", OSDI 2022): a proxy before the API server kills the operator before and after each
single write, and drops, doubles and delays what it sees. Every walk must end as the undisturbed
one does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from integration.control.apiserver import require_programs, run_api_server
from sieve.walk import Case, compare, walk

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
    options = parser.parse_args()
    given = os.environ.get("GRAPHWARDEN_TEST_KUBECONFIG")
    with tempfile.TemporaryDirectory() as folder:
        if given:
            return run_all(Path(given), options.report, options.every)
        with run_api_server(Path(folder), require_programs()) as kubeconfig:
            return run_all(kubeconfig, options.report, options.every)


def run_all(kubeconfig: Path, report: Path | None, every: int) -> int:
    """All cases on one API server."""
    calm = walk(kubeconfig, Case("calm"))
    rows = []
    cases = make_cases(len(calm.writes))[::every]
    for index, case in enumerate(cases, 1):
        began = time.monotonic()
        try:
            found = walk(kubeconfig, case)
            deviations, writes = compare(calm, found), len(found.writes)
        except AssertionError as error:
            deviations, writes = [str(error)], 0
        seconds = time.monotonic() - began
        rows.append({"case": str(case), "writes": writes, "deviations": deviations})
        verdict = "; ".join(deviations) or "as undisturbed"
        print(
            f"{index}/{len(cases)} {case}: {writes} writes (calm {len(calm.writes)}), "
            f"{verdict} ({seconds:.0f} s)",
            flush=True,
        )
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps({"calm": len(calm.writes), "cases": rows}, indent=1))
    return 1 if any(row["deviations"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
