"""A worker dies in the middle of a durable run; the thread goes on in the next one."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.kube import Kube, make_graphspec, until

CAPABILITY = "campaigns"
CONTACT = uuid.uuid4().hex[:8]  # a cluster that is kept knows the threads of earlier sessions
THREAD = f"campaign-7-{CONTACT}"
DATABASE = "/sales/sales.db"
# Without a mailbox a campaign leaves its mails in the outbox for somebody else to send.
OUTBOX = (
    f"import sqlite3; d = sqlite3.connect({DATABASE!r});"
    "print(d.execute('SELECT touch_no, state FROM sales_touches ORDER BY touch_no').fetchall())"
)
CALL = {
    "assistant_id": "slow_campaign",
    "if_not_exists": "create",
    "input": {
        "campaign_id": "7",
        "contact_id": CONTACT,
        "contact": {"name": "Ana Petrova", "email": "ana@acme.test", "title": "Head of Sales"},
        "company": {"name": "Acme"},
    },
}
RESUME = {"assistant_id": "slow_campaign", "command": {"resume": {"skip_wait": True}}}


@pytest.fixture
def campaign(kube: Kube) -> Iterator[None]:
    """The campaign in a pool with a database of its own, taking its time before each mail."""
    volume = {"name": "sales", "emptyDir": {}}
    mount = {"name": "sales", "mountPath": "/sales"}
    template = {
        "spec": {
            "containers": [{"name": "worker", "volumeMounts": [mount]}],
            "volumes": [volume],
        }
    }
    pool = {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphPool",
        "metadata": {"name": CAPABILITY},
        "spec": {
            "worker": {
                "env": [{"name": "SALES_DATABASE_URL", "value": f"sqlite:///{DATABASE}"}],
                "podTemplate": template,
            }
        },
    }
    graph = make_graphspec(
        "slow-campaign",
        "slow_campaign",
        CAPABILITY,
        module="graphs.campaign_graph",
        builderAttr="build_campaign_graph",
        resumable=True,
        context={"send_gap_seconds": 4},
        run={"retry": "Resume"},
    )
    kube.apply(pool, graph)
    kube.until_ready("slow-campaign")
    yield
    kube.delete("graphspec", "slow-campaign")
    kube.delete("graphpool", CAPABILITY)


def test_a_campaign_whose_worker_was_killed_goes_on_with_the_same_thread(
    kube: Kube, router: httpx.Client, campaign: None
) -> None:
    lost = _Call(router)
    lost.start()
    until("the mail is about to go out", lambda: _next(router) == ["send_touch"], seconds=30)
    kill_worker(kube, CAPABILITY)
    lost.join()
    first = until("the thread goes on", lambda: _post(router, CALL), seconds=60)
    second = until("the next touch goes out", lambda: _post(router, RESUME), seconds=60)
    assert lost.answer is None or lost.answer.status_code == 502
    assert (first["status"], first["touch_no"]) == ("waiting", 1)
    assert (second["status"], second["touch_no"]) == ("waiting", 2)
    if kube.is_local:  # elsewhere the pod went, and its database with it
        assert _outbox(kube) == "[(1, 'planned'), (2, 'planned')]"


class _Call(threading.Thread):
    """A call whose worker will not live to answer it."""

    def __init__(self, router: httpx.Client) -> None:
        super().__init__(daemon=True)
        self._url = router.base_url.join(f"/threads/{THREAD}/runs/wait")
        self.answer: httpx.Response | None = None

    def run(self) -> None:
        # The router may have passed on the head of the answer, and then can only break it off.
        with contextlib.suppress(httpx.RemoteProtocolError):
            self.answer = httpx.post(self._url, json=CALL, timeout=60)


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
    except OSError:  # gone meanwhile, or a process that nobody may look into
        return False


def _next(router: httpx.Client) -> list[str] | None:
    answer = router.get(f"/threads/{THREAD}/state")
    return answer.json()["next"] if answer.status_code == 200 else None


def _post(router: httpx.Client, call: dict[str, Any]) -> dict[str, Any] | None:
    answer = router.post(f"/threads/{THREAD}/runs/wait", json=call)
    return answer.json() if answer.status_code == 200 else None


def _outbox(kube: Kube) -> str:
    target = f"deployment/graphpool-{CAPABILITY}"
    return kube.kubectl("exec", target, "--", "python", "-c", OUTBOX).strip()
