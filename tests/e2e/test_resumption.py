"""A worker dies in the middle of a durable run; the thread goes on in the next one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.kube import Kube, make_graphspec, until

THREAD = "campaign-7-42"


@pytest.fixture
def graph(kube: Kube, flows: str) -> Iterator[str]:
    """A resumable graph of four slow steps; gives its assistant id."""
    spec = {"module": "e2e_flows", "builderAttr": "build_graph", "resumable": True}
    kube.apply(make_graphspec("slow-campaign", "slow_campaign", flows, **spec))
    kube.until_ready("slow-campaign")
    yield "slow_campaign"
    kube.delete("graphspec", "slow-campaign")


def test_a_run_whose_worker_was_killed_goes_on_with_the_same_thread(
    kube: Kube, router: httpx.Client, graph: str
) -> None:
    call = {"assistant_id": graph, "input": {"seconds": 2.0}, "if_not_exists": "create"}
    lost = _Call(router, call)
    lost.start()
    before = until("two steps are stored", lambda: _stored_steps(router, 2), seconds=30)
    kill_worker(kube, "flows")
    lost.join()
    kube.until_condition("slow-campaign", "Loaded", "True")
    answer = until("the thread goes on", lambda: _post(router, call), seconds=60)
    assert lost.status != 200
    assert [step.split()[0] for step in answer["done"]] == ["research", "write", "check", "send"]
    assert answer["done"][: len(before)] == before


class _Call(threading.Thread):
    """A call whose worker will not live to answer it."""

    def __init__(self, router: httpx.Client, call: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._url, self._call = router.base_url, call
        self.status = 0

    def run(self) -> None:
        url = self._url.join(f"/threads/{THREAD}/runs/wait")
        self.status = httpx.post(url, json=self._call, timeout=60).status_code


def kill_worker(kube: Kube, capability: str) -> None:
    """SIGKILL to the worker's process, or where that is out of reach, to its pod."""
    (pod,) = kube.pods(capability)
    name = pod["metadata"]["name"]
    if not kube.is_local:
        kube.kubectl("delete", "pod", name, "--grace-period=0", "--force")
        return
    (process,) = (
        folder for folder in Path("/proc").glob("[0-9]*") if _is_worker(folder, f"HOSTNAME={name}")
    )
    os.kill(int(process.name), signal.SIGKILL)


def _is_worker(folder: Path, variable: str) -> bool:
    try:
        environment = (folder / "environ").read_bytes().split(b"\0")
        return variable.encode() in environment and b"graphwarden.worker" in (
            folder / "cmdline"
        ).read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _stored_steps(router: httpx.Client, at_least: int) -> list[str] | None:
    answer = router.get(f"/threads/{THREAD}/state")
    if answer.status_code != 200:
        return None
    done: list[str] = (answer.json()["values"] or {}).get("done", [])
    return done if len(done) >= at_least else None


def _post(router: httpx.Client, call: dict[str, Any]) -> dict[str, Any] | None:
    answer = router.post(f"/threads/{THREAD}/runs/wait", json=call)
    return answer.json() if answer.status_code == 200 else None
