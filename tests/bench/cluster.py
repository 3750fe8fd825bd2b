"""A real cluster: how soon a new graph answers, a pool grows, and a sleeping pool wakes.

    PYTHONPATH=tests .venv/bin/python -m bench.cluster [--graphs 20] [--json FILE]

In the test cluster with the chart in it, as `GRAPHWARDEN_E2E_KEEP=1 make e2e` leaves it, or in the
one that GRAPHWARDEN_E2E_KUBECONFIG names. The pools are the benchmark's own, and go afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.load import summarise
from bench.machine import describe_machine
from bench.parts import Part, print_part
from e2e.cluster import GIVEN, reach_router
from e2e.kube import HOME, Kube, Manifest, make_graphspec
from e2e.slow import PACKAGE, Callers, make_slow_pool

_STEADY, _GROWS, _OLD_WAY = "bench-steady", "bench-grows", "bench-cpu"
_PATIENCE, _GROWTH_SECONDS = 180.0, 60.0
_LOOK_SECONDS = 0.02
_QUICK = {
    "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
    "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
}


@contextmanager
def pool(kube: Kube, name: str, **spec: Any) -> Iterator[None]:
    """A pool with the graph `slow_<name>`, for as long as the block lasts."""
    kube.apply(*make_slow_pool(name, **spec))
    try:
        yield
    finally:
        kube.delete("graphspec", f"slow-{name}")
        kube.delete("graphpool", name)
        kube.delete("configmap", f"{name}-modules")


def measure_new_graphs(kube: Kube, url: str, count: int) -> Part:
    """From `kubectl apply` of a GraphSpec into a running pool to its first 200, by the router."""
    part = Part("A GraphSpec for a running pool, to its first answer")
    with pool(kube, _STEADY, scaling={"mode": "None"}, replicas=1), httpx.Client() as http:
        kube.until_ready(f"slow-{_STEADY}")
        before = _list_pods(kube, _STEADY)
        seconds = [_add_graph(kube, http, url, number) for number in range(count)]
        same = _list_pods(kube, _STEADY) == before
        began = time.monotonic()
        pods = f"deployment/graphpool-{_STEADY}"
        kube.kubectl("rollout", "restart", pods)
        kube.kubectl("rollout", "status", pods, "--timeout=180s")
        restart = time.monotonic() - began
        kube.delete("graphspec", *(f"bench-{number}" for number in range(count)))
    part.rows.append({"subject": "apply to first 200", "seconds": summarise(seconds)})
    part.rows.append({"subject": "a rolling restart instead", "seconds": summarise([restart])})
    part.judge("P10, seconds", part.find("apply to first 200", "seconds"), 2.0)
    part.verdicts.append(("P10, no pod was restarted", same))
    return part


def _add_graph(kube: Kube, http: httpx.Client, url: str, number: int) -> float:
    name = f"bench-{number}"
    graph = {"module": f"{PACKAGE}.slow", "builderAttr": "build_graph"}
    began = time.monotonic()
    kube.apply(make_graphspec(name, f"bench_{number}", _STEADY, **graph))
    body = {"assistant_id": f"bench_{number}", "input": {}}
    while http.post(f"{url}/runs/wait", json=body).status_code != 200:
        assert time.monotonic() < began + _PATIENCE, f"{name} does not answer"
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


def _list_pods(kube: Kube, name: str) -> list[tuple[str, int]]:
    """The pods of a pool with their restarts."""
    found = kube.pods(name)
    return sorted(
        (pod["metadata"]["uid"], sum(c["restartCount"] for c in pod["status"]["containerStatuses"]))
        for pod in found
    )


async def measure_growth(kube: Kube, url: str) -> Part:
    """From the first call of a load to more replicas, by the metric of runs and by CPU.

    The graph waits, as one that asks a model does: it uses no CPU to speak of.
    """
    part = Part("A load step, to the Deployment scaled")
    scaling = {"minReplicas": 1, "maxReplicas": 3, "targetInFlightPercent": 50, "behavior": _QUICK}
    with pool(kube, _GROWS, concurrencyPerReplica=2, scaling=scaling):
        took = await _measure_step(kube, url, _GROWS)
    part.rows.append({"subject": "runs in flight", "seconds": took or "not in 60"})
    part.judge("P11, seconds to scale", took or _GROWTH_SECONDS, 20.0)
    with pool(kube, _OLD_WAY, concurrencyPerReplica=2, scaling={"mode": "None"}, replicas=1):
        kube.apply(_make_cpu_scaler(_OLD_WAY))
        took = await _measure_step(kube, url, _OLD_WAY)
        kube.delete("horizontalpodautoscaler", _OLD_WAY)
    part.rows.append({"subject": "CPU", "seconds": took or "not in 60"})
    return part


async def _measure_step(kube: Kube, url: str, name: str) -> float | None:
    await asyncio.to_thread(kube.until_ready, f"slow-{name}")
    began = time.monotonic()
    async with Callers(url, f"slow_{name}", count=4, seconds=2):
        grew = await asyncio.to_thread(_await_growth, kube, name, _GROWTH_SECONDS)
    return round(grew - began, 1) if grew else None


def _make_cpu_scaler(name: str) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": 70}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "graphwarden.dev/v1alpha1",
                "kind": "GraphPool",
                "name": name,
            },
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def _await_growth(kube: Kube, name: str, seconds: float) -> float | None:
    until_then = time.monotonic() + seconds
    while time.monotonic() < until_then:
        if _read_replicas(kube, name) > 1:
            return time.monotonic()
        time.sleep(_LOOK_SECONDS)
    return None


def _read_replicas(kube: Kube, name: str) -> int:
    return int(kube.get("deployment", f"graphpool-{name}")["spec"]["replicas"])


async def measure_waking(kube: Kube, url: str, rounds: int) -> Part:
    """One call for a pool without a pod: when what happened, in seconds after the call."""
    part = Part("A call that wakes a pool, seconds after the call")
    scaling = {"minReplicas": 0, "maxReplicas": 1, "behavior": _QUICK}
    late = []
    with pool(kube, _GROWS, scaling=scaling, admission={"coldStartWait": "120s"}):
        for number in range(rounds):
            await asyncio.to_thread(
                kube.until_condition, f"slow-{_GROWS}", "Ready", "True", "ScaledToZero", _PATIENCE
            )
            times = await _wake(kube, url)
            late.append(times["answered"] - times["ready"])
            shown = {what: round(after, 2) for what, after in times.items()}
            part.rows.append({"subject": f"call {number + 1}", **shown})
    part.judge("P11, seconds from a ready pod to the first byte", max(late), 0.3)
    return part


async def _wake(kube: Kube, url: str) -> dict[str, float]:
    steps: dict[str, Callable[[list[Manifest]], bool]] = {
        "scaled": lambda _: _read_replicas(kube, _GROWS) > 0,
        "pod": bool,
        "scheduled": lambda pods: _has(pods, "PodScheduled"),
        "started": lambda pods: any(_is_running(pod) for pod in pods),
        "ready": lambda pods: _has(pods, "Ready"),
    }
    times: dict[str, float] = {}
    began = time.monotonic()

    def watch() -> None:
        for name, has_come in steps.items():
            while not has_come(kube.pods(_GROWS)):
                assert time.monotonic() < began + _PATIENCE, f"not {name}"
            times[name] = time.monotonic() - began

    async with httpx.AsyncClient(timeout=_PATIENCE) as http:
        watching = asyncio.create_task(asyncio.to_thread(watch))
        body = {"assistant_id": f"slow_{_GROWS}", "input": {}}
        answer = await http.post(f"{url}/runs/wait", json=body)
        answered = time.monotonic() - began
        assert answer.status_code == 200, answer.text
        await watching
    return {**times, "answered": answered}


def _has(pods: list[Manifest], condition: str) -> bool:
    return any(
        each["type"] == condition and each["status"] == "True"
        for pod in pods
        for each in pod["status"].get("conditions", [])
    )


def _is_running(pod: Manifest) -> bool:
    states = pod["status"].get("containerStatuses", [])
    return any("running" in each.get("state", {}) for each in states)


def main() -> None:
    """Measure, print, write, and end with 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=20, help="how many are added")
    parser.add_argument("--rounds", type=int, default=3, help="how often a pool is woken")
    parser.add_argument("--json", type=Path, default=Path("dist/bench-cluster.json"))
    asked = parser.parse_args()
    machine = describe_machine()
    kube = Kube(os.environ.get(GIVEN) or str(HOME / "run/admin.conf"))
    with reach_router(kube) as url:
        parts = []
        for measure in (
            lambda: measure_new_graphs(kube, url, asked.graphs),
            lambda: asyncio.run(measure_growth(kube, url)),
            lambda: asyncio.run(measure_waking(kube, url, asked.rounds)),
        ):
            parts.append(measure())
            print_part(parts[-1])
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    told = [{"title": part.title, "rows": part.rows} for part in parts]
    asked.json.write_text(json.dumps({"machine": machine, "parts": told}, indent=1) + "\n")
    sys.exit(not all(reached for part in parts for _, reached in part.verdicts))


if __name__ == "__main__":
    main()
