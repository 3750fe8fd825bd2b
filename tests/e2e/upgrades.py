"""The version before this one, installed and upgraded while a pool of it answers calls."""

from __future__ import annotations

import asyncio
import shutil
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml

from e2e.cluster import CHART, IMAGES, POSTGRES, TAG, install, make_namespaces, reach_router
from e2e.kube import LOCALCLUSTER, Kube, Manifest, make_graphspec, run, until
from e2e.slow import Callers, make_slow_pool

SOURCE = Path(__file__).parent / "previous/graphwarden-0.1.0.tar.xz"
PREVIOUS = "previous"
POOL, KEPT = "steady", "kept_reply"
THREAD = "upgrade-thread-1"
# A database that stays: the data of the chart's own go with its pod, which an upgrade may replace.
_DATABASE, _SECRET = "upgrade-database", "upgrade-dsn"
_STORAGE = {"secretName": _SECRET}
_PROGRAMS = ("operator", "router", "worker")
_CALLERS = 3
_SECONDS = 0.3


@dataclass(frozen=True)
class Upgrade:
    """What came of it."""

    # How the calls of all the time ended, by kind of end.
    answers: Counter[str]
    # The pool's Deployment before and after.
    before: Manifest
    after: Manifest
    # The state of a thread that a worker of the version before wrote, read before and after.
    thread_before: Any
    thread_after: Any


def can_upgrade(kube: Kube) -> bool:
    """Whether images can be made for the cluster, and no release is in it yet."""
    return kube.is_local and kube.find("deployment", "graphwarden-operator") is None


def upgrade_from_previous(kube: Kube) -> Upgrade:
    """Install the version before, have it run a pool, and upgrade it under the calls of a few."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        with tarfile.open(SOURCE) as archive:
            archive.extractall(folder, filter="data")
        _make_images(folder / "operator/graphwarden")
        _make_database(kube)
        # Without the values that it does not know.
        values = {"storage": _STORAGE, "router": {}, "externalMetrics": None}
        install(kube, folder / "charts/graphwarden", PREVIOUS, **values)
    kube.apply(*make_slow_pool(POOL, scaling={"mode": "None"}, replicas=2))
    kube.apply(make_graphspec("kept-reply", KEPT, "email", resumable=True))
    kube.until_ready(f"slow-{POOL}", "kept-reply", seconds=180)
    with reach_router(kube) as url, httpx.Client(base_url=url, timeout=60) as router:
        body = {"assistant_id": KEPT, "input": {"original_email": "What does it cost?"}}
        answer = router.post(
            f"/threads/{THREAD}/runs/wait", json={**body, "if_not_exists": "create"}
        )
        assert answer.status_code == 200, answer.text
        thread_before = _read_thread(router)
        before = _read_pool(kube)
        answers = asyncio.run(_upgrade_under_calls(kube, url))
        upgrade = Upgrade(answers, before, _read_pool(kube), thread_before, _read_thread(router))
    kube.delete("graphspec", f"slow-{POOL}", "kept-reply")
    kube.delete("graphpool", POOL)
    kube.delete("configmap", f"{POOL}-modules")
    # The tests' own release has another database.
    install(kube)
    kube.delete("secret", _SECRET)
    kube.delete("namespace", _DATABASE)
    return upgrade


async def _upgrade_under_calls(kube: Kube, url: str) -> Counter[str]:
    # Routers of 0.1.0 end kept connections without a word, and what is on its way is lost.
    async with Callers(url, f"slow_{POOL}", _CALLERS, _SECONDS, keep=False) as callers:
        await asyncio.to_thread(_upgrade, kube)
    return callers.answers


def _upgrade(kube: Kube) -> None:
    # What is in crds/ helm installs once and never again, but for this.
    install(kube, crds={"upgrade": "always"}, storage=_STORAGE)
    for name in ("operator", "router"):
        kube.kubectl("rollout", "status", f"deployment/graphwarden-{name}", "--timeout=300s")
    until("the pool has this version's workers", lambda: _is_upgraded(kube), seconds=240)
    kube.kubectl("rollout", "status", f"deployment/graphpool-{POOL}", "--timeout=300s")
    kube.until_ready(f"slow-{POOL}", "kept-reply", seconds=180)


def _is_upgraded(kube: Kube) -> bool:
    pods = _read_pool(kube)["spec"]["template"]["spec"]["containers"]
    return any(str(each["image"]).endswith(f"-worker:{TAG}") for each in pods)


def _read_pool(kube: Kube) -> Manifest:
    return kube.get("deployment", f"graphpool-{POOL}")


def _read_thread(router: httpx.Client) -> Any:
    answer = router.get(f"/threads/{THREAD}/state")
    assert answer.status_code == 200, answer.text
    return answer.json()["values"]


def _make_database(kube: Kube) -> None:
    """The chart's PostgreSQL in a namespace of its own, and a Secret with the way there."""
    make_namespaces(kube, kube.namespace, _DATABASE)
    there = Kube(kube.kubeconfig, _DATABASE)
    only = ("--show-only", "templates/evaluation-postgres.yaml")
    settings = ("storage.evaluation=true", f"storage.evaluationImage={POSTGRES}")
    asked = [word for each in settings for word in ("--set", each)]
    rendered = there.helm("template", "graphwarden", str(CHART), *only, *asked)
    objects: list[Manifest] = list(yaml.safe_load_all(rendered))
    there.apply(*objects)
    (made,) = (each for each in objects if each["kind"] == "Secret")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _SECRET}}
    kube.apply({**secret, "stringData": {"dsn": made["stringData"]["dsn"]}})
    there.kubectl("wait", "deployment", "--all", "--for=condition=Available", "--timeout=180s")


def _make_images(package: Path) -> None:
    """The images of this version with that package in them."""
    names = [f"{IMAGES}-{program}:{PREVIOUS}" for program in _PROGRAMS]
    for program, name in zip(_PROGRAMS, names, strict=True):
        container = run("buildah", "from", f"{IMAGES}-{program}:{TAG}").strip()
        try:
            root = Path(run("buildah", "mount", container).strip())
            (installed,) = root.glob("app/.venv/lib/python3*/site-packages/graphwarden")
            shutil.rmtree(installed)
            shutil.copytree(package, installed)
            run("buildah", "commit", "-q", "--format", "docker", container, name)
        finally:
            run("buildah", "rm", container)
    run(str(LOCALCLUSTER), "load", *names)
