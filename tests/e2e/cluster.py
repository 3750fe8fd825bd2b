"""The cluster under test: one that is given, or the project's own, made on this machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from e2e.kube import HOME, LOCALCLUSTER, ROOT, CommandFailed, Kube, run, skip
from e2e.slow import PACKAGE

CHART = ROOT / "charts/graphwarden"
GIVEN = "GRAPHWARDEN_E2E_KUBECONFIG"
# Where a given cluster finds the images: `PREFIX-operator:TAG` and so on.
IMAGES = os.environ.get("GRAPHWARDEN_E2E_IMAGES", "localhost/graphwarden")
TAG = os.environ.get("GRAPHWARDEN_E2E_TAG", "e2e")
POSTGRES = os.environ.get("GRAPHWARDEN_E2E_POSTGRES", "localhost/postgres:17")
KEEP = "GRAPHWARDEN_E2E_KEEP"

# The autoscaler stands still: CPU of a pod that starts on a small machine would move it.
_STILL = {"scaleUp": {"selectPolicy": "Disabled"}, "scaleDown": {"selectPolicy": "Disabled"}}
VALUES = {
    "storage": {"evaluation": True, "evaluationImage": POSTGRES},
    "router": {"auth": {"mode": "none"}},
    "externalMetrics": {"enabled": True},
    "allowedModules": ["graphs.", f"{PACKAGE}."],
    "poolDefaults": {
        "worker": {"resources": {"requests": {"cpu": "20m", "memory": "128Mi"}}},
        "scaling": {"behavior": _STILL},
    },
}


@contextmanager
def running_cluster() -> Iterator[Kube]:
    """A cluster with the images of this working copy.

    A given one is used as it is, with images that somebody has put there. Our own is built where it
    is not yet (about 12 minutes, once) and stopped at the end, unless GRAPHWARDEN_E2E_KEEP is set.
    """
    given = os.environ.get(GIVEN)
    if given:
        yield Kube(given)
        return
    _check_machine()
    run(str(LOCALCLUSTER), "build")
    run(str(LOCALCLUSTER), "up")
    try:
        run(str(LOCALCLUSTER), "images", TAG)
        yield Kube(str(HOME / "run/admin.conf"))
    finally:
        if KEEP not in os.environ:
            run(str(LOCALCLUSTER), "down")


def _check_machine() -> None:
    try:
        run(str(LOCALCLUSTER), "check")
    except CommandFailed as error:
        skip(f"{error}; or name a cluster in {GIVEN}")


def install(
    kube: Kube,
    chart: Path = CHART,
    tag: str = TAG,
    **values: Any,
) -> None:
    """`helm install` into a namespace that enforces the restricted Pod Security standard.

    Args:
        kube: the namespace.
        chart: this working copy's, or another version's.
        tag: that of the images.
        values: more than `VALUES`, or others; None leaves one out.
    """
    make_namespaces(kube, kube.namespace)
    images = {
        program: {"repository": f"{IMAGES}-{program}", "tag": tag, "pullPolicy": "IfNotPresent"}
        for program in ("operator", "router", "worker")
    }
    file = HOME / "e2e-values.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    wanted = {**VALUES, "images": images, **values}
    file.write_text(yaml.safe_dump({k: v for k, v in wanted.items() if v is not None}))
    kube.helm("upgrade", "--install", "graphwarden", str(chart), "-f", str(file))
    try:
        kube.kubectl("wait", "deployment", "--all", "--for=condition=Available", "--timeout=180s")
    except CommandFailed as error:
        raise CommandFailed(f"{error}\n{describe(kube)}") from None


def make_namespaces(kube: Kube, *names: str) -> None:
    """Namespaces that enforce the restricted Pod Security standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace"}
    kube.apply(*({**namespace, "metadata": {"name": name, "labels": labels}} for name in names))


def describe(kube: Kube) -> str:
    """What a reader needs when pods do not come up: pods, events, logs."""
    parts = [kube.kubectl("get", "pods", "-o", "wide")]
    parts.append(kube.kubectl("events", "--types=Warning"))
    for app in ("operator", "router"):
        try:
            parts.append(kube.kubectl("logs", f"deployment/graphwarden-{app}", "--tail=30"))
        except CommandFailed as error:
            parts.append(str(error))
    return "\n".join(parts)


@contextmanager
def reach_router(kube: Kube) -> Iterator[str]:
    """The router's URL from this machine: the Service's own address, or a forwarded port."""
    if kube.is_local:
        service = kube.get("service", "graphwarden-router")
        yield f"http://{service['spec']['clusterIP']}"
        return
    port = "18123"
    command = [kube.program, f"--kubeconfig={kube.kubeconfig}", f"--namespace={kube.namespace}"]
    forward = [*command, "port-forward", "service/graphwarden-router", f"{port}:80"]
    with subprocess.Popen(forward, stdout=subprocess.DEVNULL) as process:
        time.sleep(2)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
