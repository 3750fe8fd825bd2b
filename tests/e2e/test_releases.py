"""What helm does to a release that runs: its test, and an upgrade over older definitions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.kube import HOME, ROOT, CommandFailed, Kube, until

Fleet = dict[str, dict[str, Any]]
CHART = str(ROOT / "charts/graphwarden")
DEFINITION = "customresourcedefinition/graphpools.graphwarden.dev"
FIELD = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/paused"


def _upgrade(kube: Kube, *options: str) -> None:
    values = str(HOME / "e2e-values.yaml")
    kube.helm("upgrade", "graphwarden", CHART, "-f", values, *options)


def _workers(kube: Kube) -> set[str]:
    return {pod["metadata"]["uid"] for pod in kube.pods("email")}


def test_helm_test_runs_a_graph_through_the_router(kube: Kube, fleet: Fleet) -> None:
    graph_input = {"original_email": "What does it cost for 40 people?"}
    test = {"assistant": "email_reply", "input": graph_input}
    _upgrade(kube, f"--set-json=test={json.dumps(test)}")
    kube.helm("test", "graphwarden", "--timeout=180s")
    answer = json.loads(kube.kubectl("logs", "graphwarden-test"))
    assert answer["subject"]


def test_helm_test_fails_with_the_routers_words(kube: Kube, fleet: Fleet) -> None:
    _upgrade(kube, "--set=test.assistant=nobody")
    with pytest.raises(CommandFailed):
        kube.helm("test", "graphwarden", "--timeout=180s")
    assert "UnknownAssistant" in kube.kubectl("logs", "graphwarden-test")


def test_an_upgrade_brings_older_definitions_up_to_date_and_restarts_no_worker(
    kube: Kube, fleet: Fleet
) -> None:
    before = _workers(kube)
    patch = json.dumps([{"op": "remove", "path": FIELD}])
    kube.kubectl("patch", DEFINITION, "--type=json", f"--patch={patch}")
    _upgrade(kube, "--set=crds.upgrade=always")
    assert "paused" in kube.kubectl("explain", "graphpool.spec", "--recursive")
    until("the operator is there", lambda: _is_available(kube), seconds=60)
    assert _workers(kube) == before


def _is_available(kube: Kube) -> bool:
    status = kube.get("deployment", "graphwarden-operator")["status"]
    return int(status.get("availableReplicas", 0)) == 1
