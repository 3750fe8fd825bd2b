"""P1 and P3 of `bench.router`: CPU per call, of short bodies and of long ones."""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from bench import proxies
from bench.load import summarise, there_and_back
from bench.parts import Part, start
from bench.peers import Peer
from bench.wrk import Stretch, drive, make_body, write_script

OURS, SILENT, ENVOY, BY_GRAPH = "graphwarden", "graphwarden, no log", "envoy", "envoy by graph"
NAIVE = "fastapi+httpx"
CONNECTIONS = 32
# Goals: µs of CPU, and ratios to peers of the same run.
SHORT_MICROSECONDS, LONG_MICROSECONDS = 40.0, 200.0
TO_ENVOY, TO_NAIVE = 1.3, 1 / 20
SHORT_BYTES, LONG_BYTES = 1024, 220_000


async def measure_short(folder: Path, rounds: int, seconds: float) -> Part:
    """P1: 1 KB, the graph named in the body."""
    part = Part("P1  CPU per call, 1 KB POST /runs/wait, 32 connections kept alive")
    script = write_script(folder, make_body(SHORT_BYTES), {})
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(proxies.stub(folder / "upstream"))
        peers = await _start_all(stack, folder, upstream.port, part.missing)
        found = _measure({name: (peer, script) for name, peer in peers.items()}, rounds, seconds)
    _add_rows(part, found)
    ours = part.find(OURS, "cpu_us")
    part.judge("CPU of ours, µs", ours, SHORT_MICROSECONDS)
    for peer, limit in ((ENVOY, TO_ENVOY), (BY_GRAPH, TO_ENVOY), (NAIVE, TO_NAIVE)):
        theirs = part.find(peer, "cpu_us")
        if ours and theirs:
            part.judge(f"CPU of ours to that of {peer}", ours / theirs, limit)
    part.judge("calls of ours that failed", part.find(OURS, "failed"), 0)
    return part


async def measure_long(folder: Path, rounds: int, seconds: float) -> Part:
    """P3: 220 KB, with the graph in the body alone, or in the header too."""
    part = Part("P3  CPU per call, 220 KB POST /runs/wait, 8 connections kept alive")
    body = make_body(LONG_BYTES)
    plain = write_script(folder, body, {})
    named = write_script(folder, body, {"x-assistant-id": "graph_7"})
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(proxies.stub(folder / "upstream"))
        peers = await _start_all(stack, folder, upstream.port, part.missing)
        subjects = {name: (peer, plain) for name, peer in peers.items()}
        for name in (OURS, BY_GRAPH):
            if name in peers:
                subjects[f"{name}, header"] = (peers[name], named)
        found = _measure(subjects, rounds, seconds, connections=8)
    _add_rows(part, found)
    for name in (OURS, f"{OURS}, header"):
        part.judge(f"CPU of {name}, µs", part.find(name, "cpu_us"), LONG_MICROSECONDS)
        part.judge(f"calls of {name} that failed", part.find(name, "failed"), 0)
    return part


async def _start_all(
    stack: contextlib.AsyncExitStack, folder: Path, port: int, missing: dict[str, str]
) -> dict[str, Peer]:
    upstream = f"127.0.0.1:{port}"
    table = proxies.make_table(proxies.spread(upstream))
    subjects = {
        OURS: proxies.graphwarden(folder / "ours", table, auth=True),
        SILENT: proxies.graphwarden(folder / "silent", table, "--no-access-log", auth=True),
        ENVOY: proxies.envoy(folder / "envoy", table),
        BY_GRAPH: proxies.envoy_twin(folder / "twin", table),
        "haproxy": proxies.haproxy(folder / "haproxy", upstream),
        "nginx": proxies.nginx(folder / "nginx", upstream),
        NAIVE: proxies.naive(folder / "naive", upstream),
    }
    return await start(stack, subjects, missing)


def _measure(
    subjects: Mapping[str, tuple[Peer, Path]],
    rounds: int,
    seconds: float,
    connections: int = CONNECTIONS,
) -> dict[str, list[Stretch]]:
    found: dict[str, list[Stretch]] = defaultdict(list)
    for peer, script in subjects.values():
        # Warm: the first calls connect and fill caches.
        drive(peer.port, peer.pid, script, connections, 1)
    for name in there_and_back(list(subjects), rounds):
        peer, script = subjects[name]
        found[name].append(drive(peer.port, peer.pid, script, connections, seconds))
        print(f"  {name}: {found[name][-1].cpu:.1f} µs", file=sys.stderr)
    return found


def _add_rows(part: Part, found: Mapping[str, list[Stretch]]) -> None:
    for name, stretches in found.items():
        part.rows.append(
            {
                "subject": name,
                "cpu_us": summarise([one.cpu for one in stretches]),
                "calls_per_s": summarise([one.rate for one in stretches]),
                "calls": sum(one.calls for one in stretches),
                "failed": sum(one.failed for one in stretches),
            }
        )
