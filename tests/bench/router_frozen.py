"""R4 of `bench.router`: every worker of pool A stops while A is driven far past its limit.

Pool B has the same load all the time. Four stretches: B alone, A driven at five times what it can
do with its workers well, the same with A's workers stopped, and after they go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import proxies
from bench.load import quantile, summarise, there_and_back
from bench.pace import Call, Pace, count_statuses, keep_pace
from bench.parts import Part, start
from bench.peers import Peer
from bench.router_cpu import BY_GRAPH, OURS

WORKERS, CONCURRENCY, QUEUE = 2, 10, 50
A_DELAY, B_DELAY = 0.1, 0.02
A_RATE = 5 * WORKERS * CONCURRENCY / A_DELAY
B_RATE = 200.0
STRETCHES = ("B alone", "A driven", "A frozen", "A thawed")
# Goals: B's p99 beside that of the stretches before, A's surplus and the way back.
B_RATIO, SURPLUS_MS, BACK_SECONDS = 1.1, 5.0, 2.0
_WINDOW = 0.2


async def measure_frozen(folder: Path, rounds: int, seconds: float) -> Part:
    """R4: ours, and an Envoy with the same table and its circuit breakers."""
    part = Part(f"R4  pool A frozen at {A_RATE:g} calls/s, pool B at {B_RATE:g} calls/s")
    seconds = max(2.0, seconds)
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for number, name in enumerate(there_and_back([OURS, BY_GRAPH], max(1, rounds // 2))):
        if name in part.missing:
            continue
        place = folder / str(number)
        async with contextlib.AsyncExitStack() as stack:
            a = await _start_workers(stack, place / "a", A_DELAY)
            b = await _start_workers(stack, place / "b", B_DELAY)
            endpoints = {
                pool: [f"127.0.0.1:{one.port}" for one in ones]
                for pool, ones in (("a", a), ("b", b))
            }
            table = proxies.make_table(
                endpoints, 2, concurrency_per_replica=CONCURRENCY, max_queued=QUEUE
            )
            make = proxies.graphwarden if name == OURS else proxies.envoy_twin
            peers = await start(stack, {name: make(place / "proxy", table)}, part.missing)
            if name in peers:
                rows = await _measure(peers[name], [one.pid for one in a], place, seconds)
                for stretch, row in rows.items():
                    found[name, stretch].append(row)
                shown = ", ".join(f"{k}: {row['b_p99_ms']:.1f} ms" for k, row in rows.items())
                print(f"  {name}, p99 of B: {shown}", file=sys.stderr)
    for (name, stretch), rows in found.items():
        part.rows.append({"subject": name, "stretch": stretch, **_sum_up(rows)})
    _judge(part)
    return part


async def _start_workers(
    stack: contextlib.AsyncExitStack, folder: Path, delay: float
) -> list[Peer]:
    options = (f"--delay={delay}", "--graphs=2")
    return [
        await stack.enter_async_context(proxies.stub(folder / str(number), *options))
        for number in range(WORKERS)
    ]


async def _measure(
    peer: Peer, frozen: Sequence[int], folder: Path, seconds: float
) -> dict[str, dict[str, Any]]:
    """All stretches, one after the other."""
    a = Pace(peer.port, A_RATE, seconds, "graph_0")
    b = Pace(peer.port, B_RATE, seconds, "graph_1")
    found = {}
    await keep_pace(b, folder)
    found[STRETCHES[0]] = _look([], await keep_pace(b, folder))
    calls = await asyncio.gather(keep_pace(a, folder), keep_pace(b, folder))
    found[STRETCHES[1]] = _look(*calls)
    usual = sum(status == 200 for _, _, status in calls[0]) / seconds
    try:
        _signal(frozen, signal.SIGSTOP)
        # The load on A goes on from the freeze past the thaw: its clients do not come anew.
        long = Pace(peer.port, A_RATE, 2 * seconds + 1, "graph_0")
        driven = asyncio.create_task(keep_pace(long, folder))
        began = time.monotonic()
        frozen_b = await keep_pace(b, folder)
        await asyncio.sleep(max(0.0, seconds + 1 - (time.monotonic() - began)))
        thawed = time.monotonic() - began
    finally:
        _signal(frozen, signal.SIGCONT)
    thawed_b = await keep_pace(b, folder)
    calls_a = await driven
    found[STRETCHES[2]] = _look([call for call in calls_a if call[0] < seconds], frozen_b)
    found[STRETCHES[3]] = _look([call for call in calls_a if call[0] >= thawed], thawed_b)
    found[STRETCHES[3]]["back_s"] = _find_back(calls_a, thawed, usual)
    return found


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _look(a: Sequence[Call], b: Sequence[Call]) -> dict[str, Any]:
    answered = [latency * 1e3 for _, latency, status in b if status == 200]
    surplus = [latency * 1e3 for _, latency, status in a if status in (429, 503)]
    return {
        "b_p50_ms": quantile(answered, 0.5),
        "b_p99_ms": quantile(answered, 0.99),
        "b_failed": len(b) - len(answered),
        "surplus_p50_ms": quantile(surplus, 0.5) if surplus else None,
        "surplus_p99_ms": quantile(surplus, 0.99) if surplus else None,
        "a": count_statuses(a),
        "back_s": None,
    }


def _find_back(calls: Sequence[Call], thawed: float, usual: float) -> float | None:
    """Seconds from the thaw to the first window in which A answers as many new calls as before."""
    new = [call for call in calls if call[0] >= thawed and call[2] == 200]
    ends = sorted(due + latency - thawed for due, latency, _ in new)
    for end in ends:
        answered = sum(end <= other < end + _WINDOW for other in ends)
        if answered >= 0.9 * usual * _WINDOW:
            return end
    return None


def _sum_up(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("b_p50_ms", "b_p99_ms", "surplus_p50_ms", "surplus_p99_ms", "back_s"):
        values = [row[name] for row in rows if row[name] is not None]
        found[name] = summarise(values) if values else None
    found["b_failed"] = sum(row["b_failed"] for row in rows)
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        for status, count in row["a"].items():
            totals[status] += count
    found["a_answers"] = " ".join(f"{status}:{count}" for status, count in sorted(totals.items()))
    return found


def _judge(part: Part) -> None:
    rows = {row["stretch"]: row for row in part.rows if row["subject"] == OURS}
    if not rows:
        return
    frozen = rows["A frozen"]
    for before in ("B alone", "A driven"):
        ratio = frozen["b_p99_ms"]["median"] / rows[before]["b_p99_ms"]["median"]
        part.judge(f"B's p99 while A is frozen to that with {before}", ratio, B_RATIO)
    part.judge("errors in B", sum(row["b_failed"] for row in rows.values()), 0)
    surplus = frozen["surplus_p99_ms"]
    part.judge("p99 of A's surplus, ms", surplus and surplus["median"], SURPLUS_MS)
    back = rows["A thawed"]["back_s"]
    # Not back within the stretch is later than any goal.
    part.judge("seconds from thaw to usual", back["max"] if back else 1e9, BACK_SECONDS)
