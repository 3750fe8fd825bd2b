"""The chart as helm renders it; no cluster is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from e2e.kube import ROOT, CommandFailed, find_program, run, skip

CHART = ROOT / "charts/graphwarden"
EVERYTHING = (
    "--set=clusterWide=true",
    "--set=storage.evaluation=true",
    "--set=metrics.annotations=true",
    "--set=router.service.type=NodePort,router.service.nodePort=30123",
)
SETTINGS = [(), EVERYTHING]

Manifest = dict[str, Any]


def _helm(*arguments: str) -> str:
    program = find_program("helm")
    if program is None:
        skip("no helm: run tests/cluster/localcluster build, or install it")
    return run(program, *arguments)


def _render(*options: str) -> list[Manifest]:
    text = _helm("template", "graphwarden", str(CHART), "--namespace=sales", *options)
    return [document for document in yaml.safe_load_all(text) if document]


def _pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            yield manifest["spec"]["template"]["spec"]


def _rules(manifests: list[Manifest]) -> Iterator[Manifest]:
    for manifest in manifests:
        if manifest["kind"] in ("Role", "ClusterRole"):
            yield from manifest["rules"]


def _kinds(manifests: list[Manifest]) -> set[str]:
    return {manifest["kind"] for manifest in manifests}


def _pool_defaults(manifests: list[Manifest]) -> Manifest:
    (found,) = (
        manifest
        for manifest in manifests
        if manifest["metadata"]["name"] == "graphwarden-pool-defaults"
    )
    defaults: Manifest = yaml.safe_load(found["data"]["defaults.yaml"])
    return defaults


def test_helm_finds_nothing_to_complain_about() -> None:
    assert "0 chart(s) failed" in _helm("lint", "--strict", str(CHART))


def test_an_install_for_one_namespace_asks_for_no_right_outside_it() -> None:
    manifests = _render()
    assert _kinds(manifests).isdisjoint({"ClusterRole", "ClusterRoleBinding"})
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"sales"}


def test_a_cluster_wide_install_asks_for_the_same_rights_everywhere() -> None:
    manifests = _render("--set=clusterWide=true")
    assert _kinds(manifests).isdisjoint({"Role", "RoleBinding"})
    assert list(_rules(manifests)) == list(_rules(_render()))


@pytest.mark.parametrize("options", SETTINGS)
def test_no_rule_has_a_wildcard_or_reaches_secrets(options: tuple[str, ...]) -> None:
    for rule in _rules(_render(*options)):
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert words.isdisjoint({"*", "secrets", "nodes", "pods/exec"})


@pytest.mark.parametrize("options", SETTINGS)
def test_every_pod_meets_the_restricted_standard(options: tuple[str, ...]) -> None:
    for pod in _pods(_render(*options)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_the_named_secret_becomes_the_storage_of_every_pool() -> None:
    defaults = _pool_defaults(_render("--set=storage.secretName=crm,storage.secretKey=url"))
    assert defaults["storage"] == {"secretRef": {"name": "crm", "key": "url"}}


def test_what_the_user_says_of_pools_wins_over_the_image_of_the_chart() -> None:
    values = {"worker": {"image": "registry.example/own:2", "env": [{"name": "MODEL"}]}}
    defaults = _pool_defaults(_render(f"--set-json=poolDefaults={json.dumps(values)}"))
    assert defaults["worker"] == {**values["worker"], "imagePullPolicy": "IfNotPresent"}


def test_a_value_that_is_not_known_is_refused() -> None:
    with pytest.raises(CommandFailed, match="routers"):
        _render("--set=routers.replicas=3")


def test_the_evaluation_database_is_labelled_as_not_for_production() -> None:
    manifests = _render("--set=storage.evaluation=true")
    ours = [m for m in manifests if m["metadata"]["name"] == "graphwarden-evaluation-postgres"]
    assert _kinds(ours) == {"Secret", "Service", "Deployment"}
    for manifest in ours:
        assert manifest["metadata"]["labels"]["graphwarden.dev/not-for-production"] == "true"


def test_the_chart_carries_the_generated_resource_definitions() -> None:
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        assert (CHART / "crds" / path.name).read_text() == path.read_text()
