"""What the chart renders, as a real API server takes it: strict fields, nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from e2e.kube import ROOT, find_program, run, skip

pytestmark = pytest.mark.integration

# Definitions of others, which this API server does not have.
FOREIGN = {"PodMonitor", "PrometheusRule", "APIService"}
EVERYTHING = (
    "--set=clusterWide=true,storage.evaluation=true,keda.enabled=true",
    "--set=admissionPolicy.enabled=true,externalMetrics.enabled=true",
    "--set=monitoring.services=true,monitoring.podMonitors=true",
    "--set=monitoring.prometheusRules=true,monitoring.dashboard=true",
)


@pytest.mark.parametrize("options", [(), EVERYTHING], ids=["as it is", "everything"])
def test_the_api_server_takes_every_object_and_knows_every_field(
    api: Any, options: tuple[str, ...]
) -> None:
    helm = find_program("helm")
    if helm is None:
        skip("no helm: run tests/cluster/localcluster build, or install it")
    # A controller makes it elsewhere, and a pod that names none has this one.
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
    chart = str(ROOT / "charts/graphwarden")
    text = run(helm, "template", "graphwarden", chart, f"--namespace={api.namespace}", *options)
    bodies = [body for body in yaml.safe_load_all(text) if body and body["kind"] not in FOREIGN]
    assert len(bodies) > 10
    refused = {
        f"{body['kind']} {body['metadata']['name']}": answer.text
        for body in bodies
        if not (answer := api.try_dry_run(body)).is_success
    }
    assert refused == {}
