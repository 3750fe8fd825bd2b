"""What spans cost a worker: none, a tenth of the runs, all, and all of them kept as well.

    PYTHONPATH=tests .venv/bin/python -m bench.tracing [--rounds 10] [--seconds 1] [--broken]

A graph of ten nodes, the workers in turns (A B B A), each stretch held against the one without
spans of the same turn. The receiver of spans takes what comes and looks at none of it; its CPU is
not the worker's. `--broken` compares the time of runs while spans arrive nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.load import Call, Sample, measure, quantile, summarise, there_and_back
from bench.machine import describe_machine
from bench.parts import Part, print_part
from bench.worker import HERE, STATE
from otlp_receiver import running_receiver
from worker_process import make_row, running_worker

Environment = Mapping[str, str]
Samples = dict[str, list[Sample]]

_OFF, _ALL, _GOOD = "off", "100 %", "takes them"
_MOST_SHARE, _MOST_SLOWER = 15.0, 1.0
_AT_ONCE = 8
_WARM_UP_SECONDS, _AGAIN_SECONDS = 1.0, 0.1


@contextlib.contextmanager
def subjects_by_share() -> Iterator[dict[str, Environment]]:
    """Workers that make spans of more and more runs."""
    with running_receiver() as receiver:
        receiver.mood = "drops"
        sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        yield {
            _OFF: {},
            "10 %": {**sent, "OTEL_TRACES_SAMPLER_ARG": "0.1"},
            _ALL: {**sent, "OTEL_TRACES_SAMPLER_ARG": "1"},
            "100 %, and 500 kept": {**sent, "GRAPHWARDEN_TRACES_KEPT": "500"},
            "500 kept, none sent": {"GRAPHWARDEN_TRACES_KEPT": "500"},
        }


@contextlib.contextmanager
def subjects_by_receiver() -> Iterator[dict[str, Environment]]:
    """Workers that make spans of all runs, by what becomes of them."""
    with contextlib.ExitStack() as stack:
        probe = stack.enter_context(socket.socket())
        probe.bind(("127.0.0.1", 0))
        places = {"nobody listens": f"http://127.0.0.1:{probe.getsockname()[1]}"}
        moods = {_GOOD: "drops", "never answers": "hangs", "400": "refuses", "503": "is away"}
        for name, mood in moods.items():
            receiver = stack.enter_context(running_receiver())
            receiver.mood = mood  # type: ignore[assignment]
            places[name] = receiver.endpoint
        yield {
            name: {"OTEL_EXPORTER_OTLP_ENDPOINT": places[name]}
            for name in (_GOOD, *(place for place in places if place != _GOOD))
        }


async def sample(
    subjects: Mapping[str, Environment], rounds: int, seconds: float, at_once: int
) -> Samples:
    """Start a worker of each kind and call them in turns."""
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    call = Call("/runs/wait", {"assistant_id": "ten", "input": STATE})
    rows = [make_row("ten", "build_ten", module="bench.chains")]
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places = {}
        for number, (name, environment) in enumerate(subjects.items()):
            worker = await stack.enter_async_context(
                running_worker(
                    folder / str(number), rows, "--app-dir", str(HERE.parent), **environment
                )
            )
            places[name] = (int(worker.url.rpartition(":")[2]), worker.process.pid)
            await measure(*places[name], call, at_once, _WARM_UP_SECONDS)
        for name in there_and_back(list(places), rounds):
            # Whoever was called last finds the machine's caches full of himself.
            await measure(*places[name], call, at_once, _AGAIN_SECONDS)
            samples[name].append(await measure(*places[name], call, at_once, seconds))
    return samples


def tell_cost(samples: Samples, seconds: float) -> Part:
    """CPU per run."""
    part = Part("Spans: ten nodes, stateless, 8 at once")
    cpu = {name: [one.cpu for one in found] for name, found in samples.items()}
    for name, found in samples.items():
        pace = [len(one.latencies) / seconds for one in found]
        row = {"spans": name, "runs/s": summarise(pace), "CPU ms/run": summarise(cpu[name])}
        part.rows.append({**row, "CPU above off, %": compare(cpu[_OFF], cpu[name])})
    share = compare(cpu[_OFF], cpu[_ALL])
    part.judge(f"CPU above off, in percent, with spans of {_ALL} of the runs", share, _MOST_SHARE)
    return part


def tell_harm(samples: Samples) -> Part:
    """Time per run, one at once."""
    part = Part("A receiver that does not take spans: ten nodes, stateless, 1 at once")
    p50 = {name: [quantile(x.latencies, 0.5) for x in found] for name, found in samples.items()}
    for name, found in samples.items():
        cpu = summarise([one.cpu for one in found])
        row = {"receiver": name, "p50 ms": summarise(p50[name]), "CPU ms/run": cpu}
        slower = compare(p50[_GOOD], p50[name])
        part.rows.append({**row, "slower, %": slower})
        part.judge(f"p50 above that with a good receiver, in percent: {name}", slower, _MOST_SLOWER)
    return part


def compare(base: list[float], other: list[float]) -> float:
    """By how much the other is above the base, in percent: the median over stretches of a turn."""
    return round((statistics.median(b / a for a, b in zip(base, other, strict=True)) - 1) * 100, 1)


async def run(rounds: int, seconds: float, *, broken: bool) -> list[Part]:
    """Measure."""
    with subjects_by_share() as subjects:
        parts = [tell_cost(await sample(subjects, rounds, seconds, _AT_ONCE), seconds)]
    if broken:
        with subjects_by_receiver() as subjects:
            parts.append(tell_harm(await sample(subjects, rounds, seconds, 1)))
    return parts


def main() -> None:
    """Measure and print; the exit code is 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    parts = asyncio.run(run(options.rounds, options.seconds, broken=options.broken))
    print(f"load before and after: {load:.1f}, {os.getloadavg()[0]:.1f}")
    for part in parts:
        print_part(part)
    if options.json:
        rows = [row for part in parts for row in part.rows]
        figures: dict[str, Any] = {"machine": describe_machine(), "rows": rows}
        options.json.write_text(json.dumps(figures, indent=2))
    sys.exit(0 if all(reached for part in parts for _, reached in part.verdicts) else 1)


if __name__ == "__main__":
    main()
