"""The router against its goals and beside its peers, each part in one run of its own.

    PYTHONPATH=tests .venv/bin/python -m bench.router [--only P1,P2] [--rounds 5] [--json FILE]

P1 CPU per short call, P2 added latency, P3 CPU per long call, P4 calls that wait, P5 updates of
routes, R4 a frozen pool beside a healthy one, S3 hostile requests and slow clients. Peers: Envoy
and HAProxy from PyPI, nginx from Debian, FastAPI with httpx. CPU per call comes from /proc and
survives a noisy machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from bench.machine import describe_machine
from bench.parts import Part, print_part
from bench.peers import PeerMissing
from bench.router_cpu import measure_long, measure_short
from bench.router_frozen import measure_frozen
from bench.router_hostile import measure_hostile
from bench.router_latency import measure_latency
from bench.router_updates import measure_updates
from bench.router_waiting import measure_waiting

PARTS: dict[str, Callable[[Path, int, float], Awaitable[Part]]] = {
    "P1": measure_short,
    "P2": measure_latency,
    "P3": measure_long,
    "P4": measure_waiting,
    "P5": measure_updates,
    "R4": measure_frozen,
    "S3": measure_hostile,
}


async def run(names: list[str], rounds: int, seconds: float) -> dict[str, Part]:
    """Measure parts one after the other, and print each when it is done."""
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                part = await PARTS[name](Path(folder), rounds, seconds)
            except PeerMissing as reason:
                part = Part(name, missing={name: str(reason)})
        found[name] = part
        print_part(part)
    return found


def main() -> None:
    """Measure, print, write, and end with 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--rounds", type=int, default=5, help="there and back through all subjects")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measured stretch")
    parser.add_argument("--json", type=Path, default=Path("dist/bench-router.json"))
    asked = parser.parse_args()
    names = asked.only.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    _allow_files()
    machine = describe_machine()
    parts = uvloop.run(run(names, asked.rounds, asked.seconds))
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"machine": machine, "rounds": asked.rounds}
    result["parts"] = {name: asdict(part) for name, part in parts.items()}
    asked.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    sys.exit(not all(ok for part in parts.values() for _, ok in part.verdicts))


def _allow_files() -> None:
    """10 000 calls are 20 000 connections of one process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
