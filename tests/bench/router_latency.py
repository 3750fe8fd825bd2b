"""P2 of `bench.router`: what a proxy adds to the time of a call at 30 % of its own saturation."""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from bench import proxies
from bench.load import quantile, summarise, there_and_back
from bench.pace import Pace, count_statuses, keep_pace
from bench.parts import Part, start
from bench.router_cpu import BY_GRAPH, CONNECTIONS, ENVOY, OURS, SHORT_BYTES
from bench.wrk import drive, make_body, write_script

SHARE = 0.3
_CONNECTIONS = 256
P50_MICROSECONDS, P99_MICROSECONDS = 150.0, 1000.0


async def measure_latency(folder: Path, rounds: int, seconds: float) -> Part:
    """P2: each proxy at its own rate, beside direct calls at the same rate."""
    part = Part(f"P2  latency at {SHARE:.0%} of each one's own saturation, 1 KB, fixed rate")
    script = write_script(folder, make_body(SHORT_BYTES), {})
    found: dict[tuple[str, bool], list[list[float]]] = defaultdict(list)
    failed: dict[str, int] = defaultdict(int)
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(proxies.stub(folder / "upstream"))
        address = f"127.0.0.1:{upstream.port}"
        table = proxies.make_table(proxies.spread(address))
        subjects = {
            OURS: proxies.graphwarden(folder / "ours", table, auth=True),
            ENVOY: proxies.envoy(folder / "envoy", table),
            BY_GRAPH: proxies.envoy_twin(folder / "twin", table),
            "haproxy": proxies.haproxy(folder / "haproxy", address),
        }
        peers = await start(stack, subjects, part.missing)
        rates = {}
        for name, peer in peers.items():
            drive(peer.port, peer.pid, script, CONNECTIONS, 1)
            most = drive(peer.port, peer.pid, script, CONNECTIONS, seconds).rate
            rates[name] = round(most * SHARE)
        for name in there_and_back(list(peers), rounds):
            for is_direct in (True, False):
                port = upstream.port if is_direct else peers[name].port
                calls = await keep_pace(Pace(port, rates[name], seconds, most=_CONNECTIONS), folder)
                found[name, is_direct].append([latency * 1e6 for _, latency, _ in calls])
                others = {k: n for k, n in count_statuses(calls).items() if k != "200"}
                failed[name] += sum(others.values())
            print(f"  {name}: {quantile(found[name, False][-1], 0.5):.0f} µs", file=sys.stderr)
    for name, rate in rates.items():
        row: dict[str, object] = {"subject": name, "calls_per_s": rate}
        for share, title in ((0.5, "p50"), (0.99, "p99")):
            through = [quantile(one, share) for one in found[name, False]]
            direct = [quantile(one, share) for one in found[name, True]]
            # Each stretch is held against the direct one that ran right before it.
            added = [a - b for a, b in zip(through, direct, strict=True)]
            row[f"direct_{title}_us"] = round(statistics.median(direct))
            row[f"added_{title}_us"] = summarise(added)
        part.rows.append({**row, "failed": failed[name]})
    part.judge("p50 that ours adds, µs", part.find(OURS, "added_p50_us"), P50_MICROSECONDS)
    part.judge("p99 that ours adds, µs", part.find(OURS, "added_p99_us"), P99_MICROSECONDS)
    part.judge("calls of ours that failed", part.find(OURS, "failed"), 0)
    return part
