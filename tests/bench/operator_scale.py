"""The operator with a thousand GraphSpecs: how soon, how large, and how quiet.

    PYTHONPATH=tests .venv/bin/python -m bench.operator_scale [--pools 10 200] [--json FILE]

A real API server and etcd, without controllers: Deployments are written, pods are not made. Writes
are counted in the API server's audit log.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.machine import describe_machine
from integration.control.apiserver import (
    Api,
    fetch_page,
    find_free_port,
    require_programs,
    run_api_server,
)

_WRITES = frozenset({"create", "update", "patch", "delete"})
_AGENT = "bench"
_IDLE_SECONDS = 60.0
_PACED = 40


class Watched:
    """When each Deployment was first seen, by name."""

    def __init__(self, api: Api) -> None:
        self.seen: dict[str, float] = {}
        self._api = api
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            for event in self._api.watch("Deployment"):
                name = event["object"]["metadata"]["name"]
                self.seen.setdefault(name, time.monotonic())


@contextmanager
def running_operator(kubeconfig: Path, folder: Path) -> Iterator[tuple[int, str]]:
    """The operator over all namespaces; its pid and the address of its probes."""
    defaults = folder / "defaults.yaml"
    defaults.write_text("worker: {image: 'registry.example/graphs:1'}\n")
    health = find_free_port()
    env = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "GRAPHWARDEN_POOL_DEFAULTS": str(defaults),
        "GRAPHWARDEN_HEALTH_PORT": str(health),
        "GRAPHWARDEN_METRICS_PORT": str(find_free_port()),
    }
    with (folder / "operator.log").open("ab") as log:
        command = [sys.executable, "-m", "graphwarden.control"]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        yield process.pid, f"http://127.0.0.1:{health}/readyz"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def until(probe: Any, seconds: float = 1800) -> float:
    """Seconds until the probe is true; the limit is there to end, not to measure."""
    began = time.monotonic()
    while not probe():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.02)
    return time.monotonic() - began


def is_ready(url: str) -> bool:
    """Whether the operator has looked at the whole fleet once."""
    try:
        return fetch_page(url).is_success
    except httpx.TransportError:
        return False


def make_graph(index: int, pool: str) -> dict[str, Any]:
    """One GraphSpec of a pool."""
    return {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphSpec",
        "metadata": {"name": f"graph-{index}"},
        "spec": {"assistantID": f"graph_{index}", "capability": pool, "module": "graphs.reply"},
    }


def count_writes(audit: Path, since: int) -> int:
    """Writes by others than this program since that line, Events and leases left out."""
    lines = audit.read_text().splitlines()[since:]
    entries = (json.loads(line) for line in lines)
    return sum(
        entry["verb"] in _WRITES
        and entry["user"]["username"] == "admin"
        and not entry.get("userAgent", "").startswith(_AGENT)
        and entry.get("objectRef", {}).get("resource") != "events"
        for entry in entries
    )


def measure(pools: int, specs: int) -> dict[str, Any]:
    """One fleet of so many GraphSpecs in so many pools."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        audit = folder / "audit.log"
        kubeconfig = stack.enter_context(run_api_server(folder, require_programs(), audit=audit))
        api = stack.enter_context(Api(kubeconfig, "fleet", agent=_AGENT))
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet"}})
        found: dict[str, Any] = {"pools": pools, "specs": specs}
        with running_operator(kubeconfig, folder) as (pid, ready):
            until(lambda: is_ready(ready))
            watched = Watched(api)
            began = time.monotonic()
            with ThreadPoolExecutor(8) as hands:
                bodies = [make_graph(i, f"pool-{i % pools}") for i in range(specs)]
                list(hands.map(api.create, bodies))
            found["posted_seconds"] = time.monotonic() - began
            until(lambda: len(watched.seen) >= pools and _is_observed(api))
            found["all_applied_seconds"] = time.monotonic() - began
            found["latencies"] = _apply_one_by_one(api, watched, specs)
            until(lambda: _is_observed(api))
            time.sleep(3)
            lines = len(audit.read_text().splitlines())
            time.sleep(_IDLE_SECONDS)
            found["idle_writes"] = count_writes(audit, lines)
            found["idle_seconds"] = _IDLE_SECONDS
            found["rss_mib"] = _read_peak(pid)
        lines = len(audit.read_text().splitlines())
        with running_operator(kubeconfig, folder) as (_, ready):
            found["restart_seconds"] = until(lambda: is_ready(ready))
            time.sleep(10)
            found["restart_writes"] = count_writes(audit, lines)
        return found


def _is_observed(api: Api) -> bool:
    return all(body.get("status", {}).get("observedGeneration") for body in api.list("GraphSpec"))


def _apply_one_by_one(api: Api, watched: Watched, specs: int) -> list[float]:
    """A graph that is the first of its pool, again and again: milliseconds to its Deployment."""
    latencies = []
    for index in range(_PACED):
        name = f"late-{index}"
        began = time.monotonic()
        api.create(make_graph(specs + index, name))
        until(lambda name=name: f"graphpool-{name}" in watched.seen)
        latencies.append((watched.seen[f"graphpool-{name}"] - began) * 1000)
        time.sleep(0.5)
    return latencies


def _read_peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--specs", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for pools in options.pools:
        row = measure(pools, options.specs)
        rows.append(row)
        ordered = sorted(row["latencies"])
        print(
            f"{row['specs']} GraphSpecs in {pools} pools: posted in {row['posted_seconds']:.1f} s, "
            f"all applied after {row['all_applied_seconds']:.1f} s; apply to Deployment "
            f"p50 {statistics.median(ordered):.0f} ms, p99 {ordered[-1]:.0f} ms (of {_PACED}); "
            f"peak {row['rss_mib']:.0f} MiB; {row['idle_writes']} writes in "
            f"{row['idle_seconds']:.0f} idle s; restart {row['restart_seconds']:.1f} s, "
            f"{row['restart_writes']} writes",
            flush=True,
        )
    if options.json:
        text = json.dumps({"machine": describe_machine(), "rows": rows}, indent=1)
        options.json.write_text(text)


if __name__ == "__main__":
    main()
