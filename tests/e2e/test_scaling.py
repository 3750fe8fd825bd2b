"""Pools that scale on their runs in flight: the metric, the way up, and a pool that sleeps."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from e2e.kube import Kube, until
from e2e.slow import Callers, make_slow_pool

POOL = "elastic"
GRAPH = f"slow_{POOL}"
# Down within seconds, which nobody wants in production.
QUICK = {
    "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
    "scaleDown": {
        "stabilizationWindowSeconds": 2,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 10, "periodSeconds": 1}],
    },
}


@pytest.fixture(scope="module", autouse=True)
def pool(kube: Kube) -> Iterator[None]:
    """One run per pod is its whole target, so that few callers are a load."""
    scaling = {"minReplicas": 0, "maxReplicas": 3, "targetInFlightPercent": 50, "behavior": QUICK}
    spec = {"concurrencyPerReplica": 2, "scaling": scaling, "admission": {"coldStartWait": "120s"}}
    kube.apply(*make_slow_pool(POOL, **spec))
    until("the graph is accepted", lambda: _reason(kube, "Accepted") == "Accepted")
    yield
    kube.delete("graphspec", f"slow-{POOL}")
    kube.delete("graphpool", POOL)
    kube.delete("configmap", f"{POOL}-modules")


def _reason(kube: Kube, condition: str) -> str:
    return str(kube.condition(f"slow-{POOL}", condition).get("reason"))


def _replicas(kube: Kube) -> int:
    return int(kube.get("deployment", f"graphpool-{POOL}")["spec"]["replicas"])


def _metric_path(kube: Kube) -> str:
    place = f"namespaces/{kube.namespace}/graphwarden_runs_in_flight"
    query = f"labelSelector=capability%3D{POOL}"
    return f"/apis/external.metrics.k8s.io/v1beta1/{place}?{query}"


def _read_metric(kube: Kube) -> int:
    (item,) = json.loads(kube.kubectl("get", "--raw", _metric_path(kube)))["items"]
    return int(item["value"])


async def _until(what: str, probe: Callable[[], Any], seconds: float) -> None:
    await asyncio.to_thread(until, what, probe, seconds)


async def test_a_pool_without_calls_sleeps_and_wakes_for_one(
    kube: Kube, router: httpx.Client
) -> None:
    await _until("the pool sleeps", lambda: _replicas(kube) == 0 and not kube.pods(POOL), 90)
    await _until("its graph says so", lambda: _reason(kube, "Ready") == "ScaledToZero", 30)
    assert kube.condition(f"slow-{POOL}", "Ready")["status"] == "True"
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=router.base_url, timeout=180) as client:
        body = {"assistant_id": GRAPH, "input": {}}
        calling = asyncio.create_task(client.post("/runs/wait", json=body))
        await _until("the autoscaler acts", lambda: _replicas(kube) > 0, 60)
        scaled = time.monotonic()
        await _until("a pod is there", lambda: kube.pods(POOL), 30)
        answer = await calling
    answered = time.monotonic()
    assert (answer.status_code, answer.json()["done"]) == (200, True)
    print(f"scaled after {scaled - began:.1f} s, answered after {answered - began:.1f} s")


async def test_runs_in_flight_are_told_and_answered_by_more_pods(
    kube: Kube, router: httpx.Client
) -> None:
    async with Callers(str(router.base_url), GRAPH, count=4, seconds=2) as callers:
        await _until("the metric tells of all", lambda: _read_metric(kube) == 4, 60)
        await _until("the pool has all its pods", lambda: _replicas(kube) == 3, 60)
        pods = f"deployment/graphpool-{POOL}"
        await asyncio.to_thread(kube.kubectl, "rollout", "status", pods, "--timeout=180s")
    assert set(callers.answers) == {"done"}
    await _until("the metric falls", lambda: _read_metric(kube) == 0, 10)


def test_a_stranger_may_not_read_the_metric(kube: Kube) -> None:
    account = f"system:serviceaccount:{kube.namespace}:default"
    told = kube.kubectl_fails("get", "--raw", _metric_path(kube), f"--as={account}")
    assert "Forbidden" in told
