"""A new image against a real API server: the Job, its end, and what becomes of the Deployment.

No kubelet runs the Job here: the test says how it ended, and a pod leaves the report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.control.pods import Worker, run_worker, start_pod

pytestmark = pytest.mark.integration

OLD, NEW = "registry.example/graphs:1", "registry.example/graphs:2"
NOW = "2026-01-01T00:00:00Z"


@pytest.fixture
def worker() -> Iterator[Worker]:
    with run_worker() as worker:
        yield worker


@pytest.fixture
def pool(
    api: Any, operator: Any, worker: Worker, make_graph: Any, make_graphpool: Any, eventually: Any
) -> Any:
    """A pool with one pod, which runs the old image; the GraphSpec's body."""
    graph = api.apply(make_graph("a"))
    api.apply(make_graphpool(worker={"image": OLD}))
    eventually(lambda: api.find("Deployment", "graphpool-email"))
    worker.say(graph, loaded=True)
    start_pod(api, worker)
    api.patch(
        "Deployment",
        "graphpool-email",
        {"status": {"replicas": 1, "readyReplicas": 1}},
        subresource="/status",
    )
    return graph


def _image(api: Any) -> str:
    pod = api.get("Deployment", "graphpool-email")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def _condition(api: Any, kind: str) -> dict[str, Any]:
    conditions = api.get("GraphPool", "email").get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def _end_job(api: Any, kind: str) -> str:
    (job,) = api.list("Job")
    name = str(job["metadata"]["name"])
    before = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    status: dict[str, Any] = {
        "startTime": NOW,
        "conditions": [
            {"type": t, "status": "True", "lastTransitionTime": NOW, "lastProbeTime": NOW}
            for t in (before, kind)
        ],
    }
    if kind == "Complete":
        status["completionTime"] = NOW
    api.patch("Job", name, {"status": status}, subresource="/status")
    return name


def _report(api: Any, job: str, text: str) -> None:
    template = api.get("Job", job)["spec"]["template"]
    labels = {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": job}
    meta = {"name": f"{job}-x", "labels": labels}
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
    end = {"exitCode": 3, "message": text, "finishedAt": NOW}
    container = {
        "name": "worker",
        "image": NEW,
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": end},
    }
    status = {"phase": "Failed", "containerStatuses": [container]}
    api.patch("Pod", f"{job}-x", {"status": status}, subresource="/status")


def test_a_new_image_rolls_out_after_its_job(
    api: Any, pool: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(worker={"image": NEW}))
    eventually(lambda: api.list("Job"))
    eventually(lambda: _condition(api, "Progressing").get("reason") == "Preflight")
    assert _image(api) == OLD
    _end_job(api, "Complete")
    eventually(lambda: _image(api) == NEW)
    eventually(lambda: api.list("Job") == [])


def test_an_image_that_takes_a_graph_away_stays_out_and_the_graph_is_named(
    api: Any, pool: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(worker={"image": NEW}))
    eventually(lambda: api.list("Job"))
    (job,) = api.list("Job")
    name = pool["spec"]["assistantID"]
    _report(api, job["metadata"]["name"], f'{{"not_loaded": {{"{name}": "ImportError: no"}}}}')
    _end_job(api, "Failed")
    eventually(lambda: _condition(api, "Progressing").get("reason") == "PreflightFailed")
    assert f"{name}: ImportError: no" in _condition(api, "Progressing")["message"]
    assert _condition(api, "Degraded")["status"] == "True"
    assert _image(api) == OLD


def test_going_back_to_the_old_image_takes_the_job_away(
    api: Any, pool: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(worker={"image": NEW}))
    eventually(lambda: api.list("Job"))
    _end_job(api, "Failed")
    eventually(lambda: _condition(api, "Progressing").get("reason") == "PreflightFailed")
    api.apply(make_graphpool(worker={"image": OLD}))
    eventually(lambda: api.list("Job") == [])
    eventually(lambda: _condition(api, "Degraded").get("status") == "False")
    assert _image(api) == OLD


def test_a_child_that_the_cluster_refuses_is_told_and_the_others_are_made(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(worker={"podTemplate": {"spec": {"restartPolicy": "Sometimes"}}}))
    api.apply(make_graph("a"))
    eventually(lambda: _condition(api, "Degraded").get("reason") == "ApplyRefused")
    assert "restartPolicy" in _condition(api, "Degraded")["message"]
    assert api.find("Service", "graphpool-email")

    def ready_message() -> str:
        conditions = api.get("GraphSpec", "a")["status"]["conditions"]
        return str(next(c["message"] for c in conditions if c["type"] == "Ready"))

    eventually(lambda: "restartPolicy" in ready_message())
    api.apply(make_graphpool())
    eventually(lambda: api.find("Deployment", "graphpool-email"))
    eventually(lambda: _condition(api, "Degraded").get("status") == "False")


def test_before_a_scale_in_a_busy_pod_becomes_dear(
    api: Any, pool: Any, worker: Worker, make_graphpool: Any, eventually: Any
) -> None:
    worker.in_flight = 1
    worker_spec = {"image": OLD}
    scaling = {"mode": "None", "scaleIn": "IdleFirst"}
    api.apply(make_graphpool(worker=worker_spec, scaling=scaling, replicas=2))
    eventually(lambda: api.get("Deployment", "graphpool-email")["spec"]["replicas"] == 2)
    api.apply(make_graphpool(worker=worker_spec, scaling=scaling, replicas=1))
    eventually(lambda: api.get("Deployment", "graphpool-email")["spec"]["replicas"] == 1)
    annotations = api.get("Pod", "worker-1")["metadata"]["annotations"]
    assert annotations["controller.kubernetes.io/pod-deletion-cost"] == "1"
