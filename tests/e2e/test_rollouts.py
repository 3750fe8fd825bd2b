"""Runs outlive what happens to their pods: rollouts, fewer replicas, evictions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest

from e2e.kube import Kube, until
from e2e.slow import Callers, make_slow_pool

POOL = "steady"
DEPLOYMENT = f"deployment/graphpool-{POOL}"
RUN_SECONDS = 2.0


@pytest.fixture(scope="module", autouse=True)
def pool(kube: Kube) -> Iterator[None]:
    kube.apply(*make_slow_pool(POOL, concurrencyPerReplica=10, scaling={"mode": "None"}))
    kube.until_ready(f"slow-{POOL}")
    yield
    kube.delete("graphspec", f"slow-{POOL}")
    kube.delete("graphpool", POOL)
    kube.delete("configmap", f"{POOL}-modules")


def roll_out(kube: Kube) -> None:
    kube.kubectl("rollout", "restart", DEPLOYMENT)
    kube.kubectl("rollout", "status", DEPLOYMENT, "--timeout=180s")


def scale_in(kube: Kube) -> None:
    _scale(kube, 1)


def evict_one(kube: Kube) -> None:
    name = kube.pods(POOL)[0]["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": kube.namespace},
    }
    kube.post_raw(f"/api/v1/namespaces/{kube.namespace}/pods/{name}/eviction", eviction)


def _scale(kube: Kube, replicas: int) -> None:
    kube.kubectl("scale", f"graphpool/{POOL}", f"--replicas={replicas}")
    kube.kubectl("wait", DEPLOYMENT, f"--for=jsonpath={{.spec.replicas}}={replicas}")
    kube.kubectl("rollout", "status", DEPLOYMENT, "--timeout=180s")


@pytest.mark.parametrize(
    ("pods", "disturb"), [(2, roll_out), (4, scale_in), (2, evict_one)], ids=lambda v: str(v)
)
async def test_no_run_is_lost(
    kube: Kube, router: httpx.Client, pods: int, disturb: Callable[[Kube], None]
) -> None:
    await asyncio.to_thread(_scale, kube, pods)
    async with Callers(str(router.base_url), f"slow_{POOL}", 8, RUN_SECONDS) as callers:
        await asyncio.sleep(RUN_SECONDS + 1)
        await asyncio.to_thread(disturb, kube)
        await asyncio.sleep(2 * RUN_SECONDS)
    assert set(callers.answers) == {"done"}
    assert callers.answers["done"] > 8


def test_a_pod_that_is_told_to_leave_before_its_worker_listens_leaves_at_once(kube: Kube) -> None:
    template = kube.get("deployment", f"graphpool-{POOL}")["spec"]["template"]
    (worker,) = template["spec"]["containers"]
    # As a worker is in its first moment: without a handler for SIGTERM.
    worker["command"] = ["python", "-c", "import time; time.sleep(3600)"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        del worker[probe]
    meta = {"name": "deaf-worker"}
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
    kube.kubectl("wait", "pod/deaf-worker", "--for=condition=Ready", "--timeout=180s")
    assert template["spec"]["terminationGracePeriodSeconds"] > 60
    kube.kubectl("delete", "pod", "deaf-worker", "--wait=false")
    until("the pod is gone", lambda: kube.find("pod", "deaf-worker") is None, seconds=30)
