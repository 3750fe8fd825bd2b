"""The chart as helm renders it; no cluster is asked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
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
    "--set=keda.enabled=true,admissionPolicy.enabled=true,externalMetrics.enabled=true",
    "--set=monitoring.services=true,monitoring.podMonitors=true",
    "--set=monitoring.prometheusRules=true,monitoring.dashboard=true",
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
        if manifest["kind"] in ("Deployment", "Job"):
            yield manifest["spec"]["template"]["spec"]
        elif manifest["kind"] == "Pod":
            yield manifest["spec"]


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
    manifests = _render("--set=clusterWide=true,crds.upgrade=never")
    assert _kinds(manifests).isdisjoint({"Role", "RoleBinding"})
    assert list(_rules(manifests)) == list(_rules(_render()))


@pytest.mark.parametrize("options", SETTINGS)
def test_no_rule_has_a_wildcard_or_reaches_secrets(options: tuple[str, ...]) -> None:
    for rule in _rules(_render(*options)):
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert words.isdisjoint({"*", "secrets", "nodes", "pods/exec"})


@pytest.mark.parametrize("options", [*SETTINGS, ("--set=crds.upgrade=always",)])
def test_no_service_sets_a_variable_that_a_program_takes_for_its_own(
    options: tuple[str, ...],
) -> None:
    ours = [pod for pod in _pods(_render(*options)) if "graphwarden" in str(pod["containers"])]
    assert ours
    assert all(pod.get("enableServiceLinks") is False for pod in ours)


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


def test_callers_need_a_key_unless_that_is_switched_off() -> None:
    manifests = _render()
    secrets = {m["metadata"]["name"]: m["data"] for m in manifests if m["kind"] == "Secret"}
    key = base64.b64decode(secrets["graphwarden-first-key"]["key"])
    line = base64.b64decode(secrets["graphwarden-api-keys"]["first"]).decode()
    assert line == f"sha256:{hashlib.sha256(key).hexdigest()}\n"
    assert "--auth=keys" in _router_arguments(manifests)
    without = _render("--set=router.auth.mode=none")
    assert "Secret" not in _kinds(without)
    assert "--auth=none" in _router_arguments(without)


def test_keys_of_ones_own_take_the_place_of_the_first() -> None:
    manifests = _render("--set=router.auth.secretName=team-keys")
    assert "Secret" not in _kinds(manifests)
    volumes = [volume for pod in _pods(manifests) for volume in pod.get("volumes", [])]
    assert {"name": "keys", "secret": {"secretName": "team-keys"}} in volumes


def test_tokens_of_the_cluster_need_the_right_to_ask_for_them() -> None:
    rules = list(_rules(_render("--set=router.auth.mode=token-review")))
    assert {
        "apiGroups": ["authentication.k8s.io"],
        "resources": ["tokenreviews"],
        "verbs": ["create"],
    } in rules


def _router_arguments(manifests: list[Manifest]) -> list[str]:
    (found,) = (
        manifest["spec"]["template"]["spec"]["containers"][0]["args"]
        for manifest in manifests
        if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] == "graphwarden-router"
    )
    arguments: list[str] = found
    return arguments


def test_definitions_are_brought_up_to_date_before_an_upgrade_of_the_whole_cluster() -> None:
    options = "--show-only=templates/crd-upgrade.yaml"
    manifests = _render("--set=clusterWide=true", options)
    assert {m["metadata"]["annotations"]["helm.sh/hook"] for m in manifests} == {"pre-upgrade"}
    (job,) = (m for m in manifests if m["kind"] == "Job")
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command == ["python", "-m", "graphwarden.control", "crds"]
    named = [set(rule.get("resourceNames", ())) for rule in _rules(manifests)]
    both = {f"{plural}.graphwarden.dev" for plural in ("graphspecs", "graphpools")}
    assert named == [both, set()]


def test_rules_and_dashboard_name_only_figures_that_there_are() -> None:
    sources = (ROOT / "operator/graphwarden").rglob("*.py")
    known = set(re.findall(r'"(graphwarden_[a-z_]+)"', "".join(p.read_text() for p in sources)))
    known |= {f"{name}{end}" for name in known for end in ("_total", "_bucket", "_count", "_sum")}
    text = json.dumps([m for m in _render(*EVERYTHING) if m["kind"] == "PrometheusRule"])
    text += (CHART / "dashboards/graphwarden.json").read_text()
    named = set(re.findall(r"graphwarden_[a-z_]+", text))
    assert len(named) > 10
    assert named - known == set()


def test_a_figure_of_prometheus_is_found_at_every_program() -> None:
    monitors = [m for m in _render(*EVERYTHING) if m["kind"] == "PodMonitor"]
    apps = {m["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] for m in monitors}
    assert apps == {f"graphwarden-{program}" for program in ("operator", "router", "worker")}
