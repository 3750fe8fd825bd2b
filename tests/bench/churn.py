"""GraphSpecs, pools and workers come and go under traffic of every kind: does anything pile up?

    PYTHONPATH=tests .venv/bin/python -m bench.churn [--minutes 30] [--json FILE]

A real API server, operator, router and two workers. Every few seconds memory, open files, threads
and tasks of operator and router are read; at the end, when nobody calls any more, no place in a
pool may be taken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from bench import graph_cluster
from bench.churn_cluster import (
    NAMESPACE,
    POOLS,
    Counted,
    Replica,
    make_graph,
    make_pool,
    running_operator,
    running_router,
)
from bench.churn_work import Churn, Traffic
from bench.machine import describe_machine
from integration.control.apiserver import Api
from worker_process import until

_SAMPLE_SECONDS = 10.0
# Longer than idle connections are kept.
_REST_SECONDS = 45.0
_MIB_PER_10_MINUTES = 1.0


async def measure(folder: Path, minutes: float) -> dict[str, Any]:
    """The whole walk."""
    host = graph_cluster.find_host()
    async with contextlib.AsyncExitStack() as stack:
        kubeconfig = stack.enter_context(graph_cluster.running_cluster(folder / "api"))
        api = stack.enter_context(Api(kubeconfig, NAMESPACE))
        operator = await stack.enter_async_context(
            running_operator(folder / "operator", kubeconfig)
        )
        router, port = await stack.enter_async_context(
            running_router(folder / "router", kubeconfig)
        )
        replicas = [Replica(api, folder, pool, host) for pool in POOLS]
        for pool, replica in zip(POOLS, replicas, strict=True):
            api.apply(make_pool(pool))
            api.apply(make_graph(f"echo-{pool}", pool))
            patient = {"builderAttr": "build_patient"}
            api.apply(make_graph(f"patient-{pool}", pool, "flows.isolation", **patient))
            stack.push_async_callback(replica.close)
            await replica.start()
        follow = [asyncio.create_task(replica.follow_registry()) for replica in replicas]
        stack.callback(lambda: [task.cancel() for task in follow])
        await until(lambda: asyncio.to_thread(_is_ready, api))
        watched = (operator, router)
        found = {"before": {one.name: await one.read() for one in watched}}
        churn = Churn(api, replicas)
        traffic = Traffic(f"http://127.0.0.1:{port}", churn)
        tasks = [asyncio.create_task(churn.run()), asyncio.create_task(traffic.run())]
        samples = await _sample(watched, minutes * 60, tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(_REST_SECONDS)
        return found | {
            "samples": samples,
            "after": {one.name: await one.read() for one in watched},
            "taken": _count_taken(f"http://127.0.0.1:{port}"),
            "changes": churn.done,
            "answers": traffic.answers,
            "minutes": minutes,
        }


async def _sample(
    watched: Sequence[Counted], seconds: float, tasks: Sequence[asyncio.Task[None]]
) -> list[dict[str, Any]]:
    began, samples = time.monotonic(), list[dict[str, Any]]()
    while time.monotonic() - began < seconds:
        await asyncio.wait(tasks, timeout=_SAMPLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        for one in watched:
            at = time.monotonic() - began
            samples.append({"at": at, "name": one.name} | await one.read())
    return samples


def _is_ready(api: Api) -> bool:
    graphs = api.list("GraphSpec")
    said = [c for g in graphs for c in g.get("status", {}).get("conditions", [])]
    return [c["status"] for c in said if c["type"] == "Ready"] == ["True"] * len(graphs)


def _count_taken(url: str) -> dict[str, float]:
    """Places that the router still holds, in flight and in queues, by pool."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    names = ("graphwarden_router_in_flight{", "graphwarden_router_queue_depth{")
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(names)
    }


def find_slope(samples: Sequence[dict[str, Any]]) -> float:
    """MiB per 10 minutes, over the last two thirds. Pure."""
    late = [one for one in samples if one["at"] >= samples[-1]["at"] / 3]
    line = statistics.linear_regression([one["at"] for one in late], [one["MiB"] for one in late])
    return line.slope * 600


def show(found: dict[str, Any]) -> bool:
    """Print the table; whether all is as it should be."""
    good = not any(found["taken"].values())
    for name, before in found["before"].items():
        samples = [one for one in found["samples"] if one["name"] == name]
        slope, third = find_slope(samples), len(samples) // 3
        good &= slope < _MIB_PER_10_MINUTES
        print(f"{name}: {slope:+.2f} MiB per 10 minutes over the last two thirds")
        for what, value in before.items():
            first = statistics.median(one[what] for one in samples[:third])
            last = statistics.median(one[what] for one in samples[-third:])
            most, after = max(one[what] for one in samples), found["after"][name][what]
            print(
                f"  {what}: {value:.6g} before, {first:.6g} in the first third, {last:.6g} in the "
                f"last, at most {most:.6g}, {after:.6g} after"
            )
    print("changes:", ", ".join(f"{what} {n}" for what, n in found["changes"].most_common()))
    print("answers:", ", ".join(f"{what} {n}" for what, n in found["answers"].most_common()))
    print("places still taken:", sum(found["taken"].values()), "in", len(found["taken"]), "gauges")
    return good


def main() -> int:
    """Measure and print; 1 when something piles up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), options.minutes))
    good = show(found)
    if options.json:
        text = json.dumps({"machine": describe_machine(), **found}, indent=1)
        options.json.write_text(text)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
