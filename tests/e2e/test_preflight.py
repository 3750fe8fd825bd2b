"""A new image is tried by a Job before it replaces pods that work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from e2e.cluster import IMAGES, TAG
from e2e.kube import HOME, Kube, Manifest, run, until
from e2e.slow import make_slow_pool

POOL = "trial"
OLD, NEW = f"{IMAGES}-worker:{TAG}", f"{IMAGES}-worker:{TAG}-next"
NOWHERE = [{"name": "PYTHONPATH", "value": "/nowhere"}]


@pytest.fixture
def pool(kube: Kube) -> Iterator[list[Manifest]]:
    if not kube.is_local:
        pytest.skip("a second image can be named on the cluster of tests/cluster alone")
    socket = str(HOME / "run/containerd.sock")
    run(str(HOME / "bin/ctr"), "-a", socket, "-n", "k8s.io", "images", "tag", "--force", OLD, NEW)
    manifests = make_slow_pool(POOL, scaling={"mode": "None"})
    kube.apply(*manifests)
    kube.until_ready(f"slow-{POOL}")
    yield manifests
    kube.delete("graphspec", f"slow-{POOL}")
    # The pool's settings stay longer than its graphs: the operator itself takes the children away.
    until("no pods are left", lambda: not kube.pods(POOL), seconds=60)
    kube.delete("graphpool", POOL)
    kube.delete("configmap", f"{POOL}-modules")


def _set_worker(kube: Kube, manifests: list[Manifest], **worker: Any) -> None:
    (graphpool,) = (m for m in manifests if m["kind"] == "GraphPool")
    spec = {**graphpool["spec"], "worker": {**graphpool["spec"]["worker"], **worker}}
    kube.apply({**graphpool, "spec": spec})


def _condition(kube: Kube, kind: str) -> dict[str, Any]:
    conditions = kube.get("graphpool", POOL).get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def _images(kube: Kube) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in kube.pods(POOL)}


def test_an_image_with_which_a_graph_does_not_load_stays_out_until_it_is_mended(
    kube: Kube, router: httpx.Client, pool: list[Manifest]
) -> None:
    before = {pod["metadata"]["uid"] for pod in kube.pods(POOL)}
    _set_worker(kube, pool, image=NEW, env=NOWHERE)
    until(
        "the image has failed",
        lambda: _condition(kube, "Progressing").get("reason") == "PreflightFailed",
    )
    assert f"slow_{POOL}: ImportError" in _condition(kube, "Progressing")["message"]
    assert {pod["metadata"]["uid"] for pod in kube.pods(POOL)} == before
    body = {"assistant_id": f"slow_{POOL}", "input": {"seconds": 0}}
    assert router.post("/runs/wait", json=body).json()["done"] is True

    _set_worker(kube, pool, image=NEW)
    until("the new image runs alone", lambda: _images(kube) == {NEW}, seconds=120)
    until("no Job is left", lambda: not kube.list("jobs", f"graphwarden.dev/pool={POOL}"))
    assert router.post("/runs/wait", json=body).json()["done"] is True
