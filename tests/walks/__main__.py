"""`python -m walks`: every case of every field, in several namespaces at a time."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from integration.control.apiserver import Api, require_programs, run_api_server
from integration.control.conftest import OperatorProcess
from walks.fields import Case, State, make_all_cases
from walks.walk import Result, Walker, find_silent_fields


def main() -> int:
    """0: no case went other than it should."""
    parser = argparse.ArgumentParser(prog="python -m walks", description=__doc__)
    parser.add_argument("--field", default="", help="only fields whose name begins like this")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the fields to walk")
    parser.add_argument("--lanes", type=int, default=2, help="namespaces at a time")
    parser.add_argument("--report", type=Path, default=Path("walk.json"))
    options = parser.parse_args()
    cases = [case for case in make_all_cases() if case.field.startswith(options.field)]
    fields = list(dict.fromkeys(case.field for case in cases))
    if options.only:
        wanted = [fields[number - 1] for number in options.only if 0 < number <= len(fields)]
        cases = [case for case in cases if case.field in wanted]
    if not cases:
        parser.error("there is no such field")
    started = time.monotonic()
    options.report.parent.mkdir(parents=True, exist_ok=True)

    def save(results: Sequence[Result], broken: Sequence[str]) -> dict[str, Any]:
        summary = summarise(results, broken, time.monotonic() - started)
        options.report.write_text(json.dumps(summary, indent=1, ensure_ascii=False))
        return summary

    with TemporaryDirectory() as folder:
        results, broken = _walk_all(cases, Path(folder), options.lanes, save)
    broken += [f"{name}: no value shows" for name in find_silent_fields(cases, results)]
    summary = save(results, broken)
    _print(summary)
    return 1 if summary["deviations"] else 0


def summarise(results: Sequence[Result], broken: Sequence[str], seconds: float) -> dict[str, Any]:
    """All results, and how many of what."""
    deviations = [
        f"{result.field}, {result.case}: {text}" for result in results for text in result.deviations
    ]
    return {
        "cases": len(results),
        "fields": len({result.field for result in results}),
        "states": dict(Counter(result.state for result in results)),
        "seconds": round(seconds, 1),
        "deviations": [*deviations, *broken],
        "results": [asdict(result) for result in results],
    }


def _walk_all(
    cases: list[Case],
    folder: Path,
    lanes: int,
    save: Callable[[Sequence[Result], Sequence[str]], object],
) -> tuple[list[Result], list[str]]:
    """All cases; `save` is given what is there after each field."""
    groups = [list(g) for _, g in itertools.groupby(cases, key=lambda case: case.field)]
    waiting = iter(groups)
    lock, so_far = threading.Lock(), list[Result]()

    def take() -> list[Case] | None:
        with lock:
            return next(waiting, None)

    def walk_lane(kubeconfig: Path, number: int) -> tuple[list[Result], list[str]]:
        results: list[Result] = []
        try:
            with _run_lane(kubeconfig, folder / str(number), number) as walker:
                while group := take():
                    began, found = time.monotonic(), list[Result]()
                    for result in walker.walk(group):
                        found.append(result)
                        for text in result.deviations:
                            print(f"DEVIATION {result.field}, {result.case}: {text}", flush=True)
                    results += found
                    with lock:
                        so_far.extend(found)
                        save(so_far, [])
                    seconds = time.monotonic() - began
                    print(f"{group[0].field}: {len(found)} cases, {seconds:.0f} s", flush=True)
        except AssertionError as error:
            return results, [f"the operator of lane {number}: {str(error)[-2000:]}"]
        return results, []

    with (
        run_api_server(folder, require_programs()) as kubeconfig,
        ThreadPoolExecutor(lanes) as pool,
    ):
        parts = list(pool.map(lambda number: walk_lane(kubeconfig, number), range(lanes)))
    order = {case.field: index for index, case in enumerate(cases)}
    results = sorted((r for part, _ in parts for r in part), key=lambda r: order[r.field])
    return results, [text for _, broken in parts for text in broken]


@contextmanager
def _run_lane(kubeconfig: Path, folder: Path, number: int) -> Iterator[Walker]:
    folder.mkdir()
    with Api(kubeconfig, f"walk-{number}") as api:
        meta = {"name": api.namespace}
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        program = OperatorProcess(kubeconfig, api, folder)
        with program.running():
            walker = Walker(api, program)
            try:
                yield walker
            finally:
                walker.close()


def _print(summary: dict[str, Any]) -> None:
    states = [state.value for state in State]
    print(f"{'field':45} {'cases':>6} " + " ".join(f"{state:>10}" for state in states))
    rows: dict[str, Counter[str]] = {}
    for result in summary["results"]:
        rows.setdefault(result["field"], Counter())[result["state"]] += 1
    for name, counts in rows.items():
        figures = " ".join(f"{counts[state]:>10}" for state in states)
        print(f"{name:45} {counts.total():>6} {figures}")
    counts = Counter(summary["states"])
    figures = " ".join(f"{counts[state]:>10}" for state in states)
    print(f"{summary['fields']} fields, {summary['seconds']} s".ljust(45), end=" ")
    print(f"{summary['cases']:>6} {figures}")
    for text in summary["deviations"]:
        print(f"DEVIATION {text}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
