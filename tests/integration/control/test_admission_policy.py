"""The chart's ValidatingAdmissionPolicy on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from e2e.kube import ROOT, find_program, run, skip

pytestmark = pytest.mark.integration

SETTINGS = (
    "--set=admissionPolicy.enabled=true",
    "--set=allowedModules={graphs.}",
    "--set=allowedRegistries={registry.example/}",
    "--show-only=templates/admission-policy.yaml",
)


@pytest.fixture
def policy(api: Any, eventually: Any, make_graph: Any, make_graphpool: Any) -> Iterator[None]:
    helm = find_program("helm")
    if helm is None:
        skip("no helm: run tests/cluster/localcluster build, or install it")
    chart = str(ROOT / "charts/graphwarden")
    text = run(helm, "template", "graphwarden", chart, f"--namespace={api.namespace}", *SETTINGS)
    objects = [body for body in yaml.safe_load_all(text) if body]
    for body in objects:
        api.apply(body)
    # A policy counts some moments after it was made.
    for probe in (
        make_graph("probe", module="evil.graph"),
        make_graphpool("probe", worker={"image": "evil.example/graphs:1"}),
    ):
        eventually(lambda probe=probe: api.try_apply(probe).status_code == 403)
    yield
    for body in objects:
        api.delete(body["kind"], body["metadata"]["name"])


def test_a_module_outside_the_list_is_refused_at_once(
    api: Any, policy: None, make_graph: Any
) -> None:
    answer = api.try_apply(make_graph("a", module="graphs_evil.run"))
    assert answer.status_code == 403, answer.text
    assert "module is not under an allowed prefix (graphs.)" in answer.json()["message"]
    assert api.try_apply(make_graph("b", module="graphs.email_reply_graph")).is_success


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"worker": {"image": "registry.example/graphs:1"}}, True),
        ({"worker": {"image": "elsewhere.example/graphs:1"}}, False),
        ({"worker": {"preflight": False}}, True),
        ({}, True),
    ],
)
def test_an_image_of_another_registry_is_refused_at_once(
    api: Any, policy: None, make_graphpool: Any, spec: Any, allowed: bool
) -> None:
    answer = api.try_apply(make_graphpool(**spec))
    assert answer.is_success is allowed
    if not allowed:
        assert "worker.image is not from an allowed registry" in answer.json()["message"]
