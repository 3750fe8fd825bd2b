"""A new image is tried before it rolls out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphwarden.api.preflight import parse_report, render_report
from graphwarden.control.desired import make_children
from graphwarden.control.desired.preflight import make_preflight
from graphwarden.control.observed import LoadRow, LoadTable, Observed
from graphwarden.control.plan import Apply, plan
from graphwarden.control.rollout import Rollout, plan_rollout

OLD, NEW = "registry.example/graphs:1", "registry.example/graphs:2"
LOADED = LoadTable(graphs=[LoadRow(assistant_id="email_reply", generation=3, loaded=True)])


@pytest.fixture
def pools(make_graph: Any, make_graphpool: Any, pool_of: Any) -> Any:
    """Makes the pool with an image."""

    def make(image: str, **worker: Any) -> Any:
        worker = {"image": image, **worker}
        return pool_of(make_graph("email-reply"), make_graphpool(worker=worker))

    return make


def _live(pool: Any, *jobs: Any, ready: int = 1, replicas: int = 1, **more: Any) -> Observed:
    children = make_children(pool)
    for child in children:
        if child["kind"] == "Deployment":
            child["spec"]["replicas"] = replicas
            child["status"] = {"readyReplicas": ready}
    return Observed([*children, *jobs], tables={"p1": LOADED}, **more)


def _ended(pool: Any, kind: str, message: str = "") -> Any:
    condition = {"type": kind, "status": "True", "message": message}
    return {**make_preflight(pool), "status": {"conditions": [condition]}}


def _plan(pool: Any, observed: Observed) -> Rollout:
    return plan_rollout(pool, make_children(pool), observed)


def test_a_new_image_waits_for_a_job_that_tries_it(pools: Any) -> None:
    rollout = _plan(pools(NEW), _live(pools(OLD)))
    assert rollout.children[-1] == make_preflight(pools(NEW))
    assert rollout.held == {"Deployment"}
    assert rollout.finding is not None
    assert (rollout.finding.status, rollout.finding.reason) == ("True", "Preflight")


def test_the_deployment_is_written_once_the_job_is_complete(pools: Any) -> None:
    observed = _live(pools(OLD), _ended(pools(NEW), "Complete"))
    rollout = _plan(pools(NEW), observed)
    assert rollout.held == frozenset()
    kinds = [s.body["kind"] for s in plan(rollout.children, observed, "") if isinstance(s, Apply)]
    assert kinds == ["Deployment"]


def test_a_graph_that_the_new_image_would_take_away_keeps_the_old_pods(pools: Any) -> None:
    report = render_report({"email_reply": "ImportError: cannot import graphs.email_reply"})
    observed = _live(pools(OLD), _ended(pools(NEW), "Failed"), preflight_report=report)
    rollout = _plan(pools(NEW), observed)
    assert rollout.held == {"Deployment"}
    assert rollout.finding is not None
    assert (rollout.finding.status, rollout.finding.reason) == ("False", "PreflightFailed")
    assert "email_reply: ImportError" in rollout.finding.message


def test_a_graph_that_does_not_load_now_either_keeps_no_image_back(pools: Any) -> None:
    observed = _live(
        pools(OLD), _ended(pools(NEW), "Failed"), preflight_report=render_report({"other": "x"})
    )
    assert _plan(pools(NEW), observed).held == frozenset()


def test_a_job_that_ended_without_a_report_keeps_the_old_pods_and_says_why(pools: Any) -> None:
    failed = _ended(pools(NEW), "Failed", "Job was active longer than specified deadline")
    rollout = _plan(pools(NEW), _live(pools(OLD), failed))
    assert rollout.finding is not None
    assert "longer than specified deadline" in rollout.finding.message


@pytest.mark.parametrize(
    ("worker", "live"),
    [
        ({"preflight": False}, {}),
        ({}, {"ready": 0}),
    ],
)
def test_nothing_is_tried_where_nothing_is_to_be_protected(
    pools: Any, worker: Any, live: Any
) -> None:
    pool = pools(NEW, **worker)
    assert _plan(pool, _live(pools(OLD), **live)) == Rollout(make_children(pool))


def test_a_pool_that_sleeps_is_protected(pools: Any) -> None:
    assert _plan(pools(NEW), _live(pools(OLD), ready=0, replicas=0)).held == {"Deployment"}


def test_an_image_that_somebody_wrote_into_the_deployment_is_mended_without_a_trial(
    pools: Any,
) -> None:
    observed = _live(pools(OLD))
    deployment = observed.deployment
    assert deployment is not None
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "other:1"
    assert _plan(pools(OLD), observed).held == frozenset()


def test_a_job_tries_with_the_pools_own_pod_and_is_none_of_its_replicas(pools: Any) -> None:
    template = make_preflight(pools(NEW, envFrom=[{"secretRef": {"name": "smtp"}}]))["spec"][
        "template"
    ]
    (container,) = template["spec"]["containers"]
    assert container["image"] == NEW
    assert container["envFrom"] == [{"secretRef": {"name": "smtp"}}]
    assert container["command"][-1] == "graphwarden.worker.check"
    assert "readinessProbe" not in container
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "graphwarden-preflight"


def test_another_registry_is_another_job(make_graph: Any, pool_of: Any) -> None:
    one = pool_of(make_graph("a"))
    two = pool_of(make_graph("a"), make_graph("b"))
    assert make_preflight(one)["metadata"]["name"] != make_preflight(two)["metadata"]["name"]


def test_a_report_fits_into_a_termination_message() -> None:
    text = render_report({f"graph_{index}": "é" * 1000 for index in range(200)})
    assert len(text.encode()) <= 4096
    report = parse_report(text)
    assert report is not None
    assert "graph_0" in report.not_loaded


@pytest.mark.parametrize("text", ["", "Traceback", "[]", json.dumps({"not_loaded": 1})])
def test_what_is_no_report_is_none(text: str) -> None:
    assert parse_report(text) is None
