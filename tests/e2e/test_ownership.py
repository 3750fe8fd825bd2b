"""What the operator restores, what it leaves to others, and what it leaves behind: nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.audit import WRITES, read_audit
from e2e.kube import Kube, Manifest, make_graphspec, until

Fleet = dict[str, dict[str, Any]]
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
CHILDREN = "deployments,replicasets,pods,hpa,services,serviceaccounts,pdb,configmaps,endpointslices"
OPERATOR = "deployment/graphwarden-operator"
_GRAPHPOOL = {"apiVersion": "graphwarden.dev/v1alpha1", "kind": "GraphPool"}


@pytest.fixture
def pool(kube: Kube, fleet: Fleet) -> Iterator[str]:
    """A pool of its own, ready, with two graphs; gives its capability."""
    capability = "shortlived"
    kube.apply(*_make_graphs(capability))
    kube.until_ready("shortlived-a", "shortlived-b")
    yield capability
    kube.kubectl("scale", OPERATOR, "--replicas=1")
    kube.delete("graphspec", "shortlived-a", "shortlived-b")
    kube.kubectl("rollout", "status", OPERATOR, "--timeout=180s")


def test_a_deployment_scaled_by_hand_stays_scaled(kube: Kube, pool: str) -> None:
    name = f"graphpool-{pool}"
    kube.kubectl("scale", "deployment", name, "--replicas=2")
    kube.kubectl("rollout", "status", f"deployment/{name}", "--timeout=180s")
    kube.until_condition("shortlived-a", "Loaded", "True")
    _touch(kube, "shortlived-a")  # one more pass of the operator
    until("both pods have the graph", lambda: _loaded(kube, "shortlived-a") == "2/2")
    assert kube.get("deployment", name)["spec"]["replicas"] == 2


def test_what_the_autoscaler_sets_stays(kube: Kube, pool: str) -> None:
    name = f"graphpool-{pool}"
    spec = {"scaling": {"minReplicas": 2}}
    kube.apply({**_GRAPHPOOL, "metadata": {"name": pool}, "spec": spec})
    try:
        until("the autoscaler acts", lambda: _replicas(kube, name) == 2, seconds=60)
        until("both pods have the graph", lambda: _loaded(kube, "shortlived-a") == "2/2", 60)
        _touch(kube, "shortlived-a")  # one more pass of the operator
        kube.delete("service", name)  # and one that surely writes
        until("the service is back", lambda: kube.find("service", name), seconds=5)
        assert _replicas(kube, name) == 2
    finally:
        kube.delete("graphpool", pool)


def test_a_pool_that_is_told_not_to_scale_loses_its_autoscaler(kube: Kube, pool: str) -> None:
    name = f"graphpool-{pool}"
    assert kube.find("hpa", name)
    spec = {"scaling": {"mode": "None"}}
    kube.apply({**_GRAPHPOOL, "metadata": {"name": pool}, "spec": spec})
    try:
        until("the autoscaler is gone", lambda: kube.find("hpa", name) is None, seconds=30)
    finally:
        kube.delete("graphpool", pool)


@pytest.mark.parametrize("kind", ["hpa", "service", "configmap", "pdb"])
def test_a_deleted_child_comes_back(kube: Kube, pool: str, kind: str) -> None:
    (child,) = (
        child
        for child in kube.list(kind, f"graphwarden.dev/pool={pool}")
        if child["metadata"]["name"].startswith("graphpool-")
    )
    name, uid = child["metadata"]["name"], child["metadata"]["uid"]
    kube.delete(kind, name)
    found = until(f"{kind} {name} is back", lambda: kube.find(kind, name), seconds=5)
    assert found["metadata"]["uid"] != uid


def test_an_edited_child_is_mended(kube: Kube, pool: str) -> None:
    name = f"graphpool-{pool}"
    image = _image(kube.get("deployment", name))
    # Of a registry that refuses at once: a pod whose pull hangs does not go before the pull ends.
    kube.kubectl("set", "image", f"deployment/{name}", "worker=localhost:1/other:1")
    until("the image is ours again", lambda: _image(kube.get("deployment", name)) == image, 5)


def test_a_pool_goes_with_its_last_graph(kube: Kube, pool: str) -> None:
    kube.delete("graphspec", "shortlived-a", "shortlived-b")
    _until_no_child_is_left(kube, pool)


def test_a_pool_goes_with_its_last_graph_while_the_operator_is_away(kube: Kube, pool: str) -> None:
    kube.kubectl("scale", OPERATOR, "--replicas=0")
    until("the operator is gone", lambda: not _operators(kube))
    kube.delete("graphspec", "shortlived-a", "shortlived-b")
    _until_no_child_is_left(kube, pool)


def test_while_nothing_changes_the_operator_writes_nothing_for_two_minutes(
    kube: Kube, fleet: Fleet
) -> None:
    if not kube.is_local:
        pytest.skip("the audit log of this cluster is not at hand")
    before = read_audit()
    time.sleep(120)
    after = read_audit()[len(before) :]
    assert _writes(kube, before), "the operator's writes are not in the log"
    assert _writes(kube, after) == []


def _writes(kube: Kube, entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    account = f"system:serviceaccount:{kube.namespace}:graphwarden-operator"
    return [
        (entry["verb"], entry["requestURI"])
        for entry in entries
        if entry["verb"] in WRITES
        and entry["user"]["username"] == account
        # A question, of which nothing is stored.
        and not entry["requestURI"].startswith(_REVIEWS)
    ]


def _make_graphs(capability: str) -> list[Manifest]:
    return [make_graphspec(f"{capability}-{x}", f"{capability}_{x}", capability) for x in "ab"]


def _touch(kube: Kube, name: str) -> None:
    kube.kubectl("annotate", "graphspec", name, "e2e/touched=yes")


def _loaded(kube: Kube, name: str) -> str:
    return str(kube.get("graphspec", name)["status"]["loaded"])


def _replicas(kube: Kube, name: str) -> int:
    return int(kube.get("deployment", name)["spec"]["replicas"])


def _image(deployment: Manifest) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _children(kube: Kube, capability: str) -> list[str]:
    children = kube.list(CHILDREN, f"graphwarden.dev/pool={capability}")
    return [f"{child['kind']}/{child['metadata']['name']}" for child in children]


def _until_no_child_is_left(kube: Kube, pool: str) -> None:
    try:
        until("no child is left", lambda: not _children(kube, pool), seconds=90)
    except AssertionError as error:
        raise AssertionError(f"{error}; these are: {', '.join(_children(kube, pool))}") from None


def _operators(kube: Kube) -> list[Manifest]:
    return kube.list("pods", "app.kubernetes.io/name=graphwarden-operator")
