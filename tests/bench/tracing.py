"""What spans cost a worker: none, a tenth of the runs, all, and all of them kept as well.

    PYTHONPATH=tests .venv/bin/python -m bench.tracing [--rounds 3] [--seconds 3] [--json FILE]

A graph of ten nodes, eight calls at once, the workers in turns (A B B A). The receiver of spans
takes what comes and looks at none of it; its CPU is not the worker's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.load import Call, measure, summarise, there_and_back
from bench.machine import describe_machine
from bench.parts import Part, print_part
from bench.worker import HERE, STATE
from otlp_receiver import running_receiver
from worker_process import make_row, running_worker

_OFF, _ALL = "off", "100 %"
_MOST_SHARE = 15.0
_AT_ONCE = 8
_WARM_UP_SECONDS = 1.0


def make_subjects(endpoint: str) -> dict[str, dict[str, str]]:
    """The environment of each worker."""
    sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return {
        _OFF: {},
        "10 %": {**sent, "OTEL_TRACES_SAMPLER_ARG": "0.1"},
        _ALL: {**sent, "OTEL_TRACES_SAMPLER_ARG": "1"},
        "100 %, and 500 kept": {**sent, "GRAPHWARDEN_TRACES_KEPT": "500"},
        "500 kept, none sent": {"GRAPHWARDEN_TRACES_KEPT": "500"},
    }


async def run(rounds: int, seconds: float) -> Part:
    """Start a worker of each kind and call them in turns."""
    part = Part("Spans: ten nodes, stateless, 8 at once")
    cpu: defaultdict[str, list[float]] = defaultdict(list)
    pace: defaultdict[str, list[float]] = defaultdict(list)
    call = Call("/runs/wait", {"assistant_id": "ten", "input": STATE})
    rows = [make_row("ten", "build_ten", module="bench.chains")]
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = stack.enter_context(running_receiver())
        receiver.mood = "drops"
        places = {}
        for number, (name, environment) in enumerate(make_subjects(receiver.endpoint).items()):
            worker = await stack.enter_async_context(
                running_worker(
                    folder / str(number), rows, "--app-dir", str(HERE.parent), **environment
                )
            )
            places[name] = (int(worker.url.rpartition(":")[2]), worker.process.pid)
            await measure(*places[name], call, _AT_ONCE, _WARM_UP_SECONDS)
        for name in there_and_back(list(places), rounds):
            found = await measure(*places[name], call, _AT_ONCE, seconds)
            cpu[name].append(found.cpu)
            pace[name].append(len(found.latencies) / seconds)
    for name in places:
        row = {"spans": name, "runs/s": summarise(pace[name]), "CPU ms/run": summarise(cpu[name])}
        part.rows.append({**row, "CPU above off, %": _find_share(cpu[_OFF], cpu[name])})
    share = _find_share(cpu[_OFF], cpu[_ALL])
    part.judge(f"CPU above off, in percent, with spans of {_ALL} of the runs", share, _MOST_SHARE)
    return part


def _find_share(base: list[float], other: list[float]) -> float:
    before, after = (summarise(values)["median"] for values in (base, other))
    return round((after / before - 1) * 100, 1)


def main() -> None:
    """Measure and print; the exit code is 1 when the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    part = asyncio.run(run(options.rounds, options.seconds))
    print_part(part)
    if options.json:
        figures: dict[str, Any] = {"machine": describe_machine(), "rows": part.rows}
        options.json.write_text(json.dumps(figures, indent=2))
    sys.exit(0 if all(reached for _, reached in part.verdicts) else 1)


if __name__ == "__main__":
    main()
