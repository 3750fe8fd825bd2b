"""The operator process against a real API server. Pods do not run there."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration

KINDS = (
    "ServiceAccount",
    "Service",
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
)
POOL, REGISTRY = "graphpool-email", "graphpool-email-registry"
CHILDREN = [*((kind, POOL) for kind in KINDS), ("ConfigMap", REGISTRY)]


def _rows(api: Any) -> dict[str, Any]:
    document = json.loads(api.get("ConfigMap", REGISTRY)["data"]["registry.json"])
    return {row["assistant_id"]: row for row in document["graphs"]}


def _conditions(api: Any, name: str, kind: str = "GraphSpec") -> dict[str, tuple[str, str]]:
    conditions = api.get(kind, name).get("status", {}).get("conditions", [])
    return {c["type"]: (c["status"], c["reason"]) for c in conditions}


def _versions(api: Any) -> dict[tuple[str, str], str]:
    listed = (
        body for kind in (*KINDS, "ConfigMap", "GraphPool", "Event") for body in api.list(kind)
    )
    return {
        (body["metadata"]["name"], body["metadata"]["uid"]): body["metadata"]["resourceVersion"]
        for body in listed
    }


def _has_children(api: Any) -> bool:
    return all(api.find(kind, name) for kind, name in CHILDREN)


def test_a_graph_gets_a_pool_and_a_status(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    graph = api.apply(make_graph("a"))
    eventually(lambda: _has_children(api))
    eventually(lambda: _conditions(api, "a"))
    assert _conditions(api, "a") == {
        "Accepted": ("True", "Accepted"),
        "Loaded": ("False", "Pending"),
        "Ready": ("False", "PoolUnavailable"),
    }
    status = api.get("GraphSpec", "a")["status"]
    assert status["observedGeneration"] == graph["metadata"]["generation"]
    assert (status["pool"], status["url"]) == ("email", "http://router/runs/wait")
    assert list(_rows(api)) == [graph["spec"]["assistantID"]]
    events = eventually(lambda: api.list("Event"))
    assert [(e["reason"], e["regarding"]["name"]) for e in events] == [("Accepted", "a")]


def test_every_child_belongs_to_every_graph_of_the_pool(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    uids = {api.apply(make_graph(name))["metadata"]["uid"] for name in ("a", "b")}

    def is_owned() -> bool:
        owners = [
            {
                (o["uid"], o.get("controller", False))
                for o in api.get(kind, name)["metadata"]["ownerReferences"]
            }
            for kind, name in CHILDREN
        ]
        return all(found == {(uid, False) for uid in uids} for found in owners)

    eventually(lambda: _has_children(api))
    eventually(is_owned)


def test_a_graphpool_becomes_the_controller(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graph("a"))
    eventually(lambda: _has_children(api))
    uid = api.apply(make_graphpool())["metadata"]["uid"]

    def is_owned() -> bool:
        owners = [api.get(k, n)["metadata"]["ownerReferences"] for k, n in CHILDREN]
        return all(
            [(o["uid"], o.get("controller")) for o in each] == [(uid, True)] for each in owners
        )

    eventually(is_owned)
    eventually(lambda: "Ready" in _conditions(api, "email", "GraphPool"))


@pytest.mark.parametrize(
    ("kind", "patch", "path"),
    [
        ("Service", {"spec": {"ports": None}}, "spec"),
        ("Service", {"metadata": {"labels": {"graphwarden.dev/pool": None}}}, "metadata.labels"),
        ("Deployment", {"spec": {"revisionHistoryLimit": 9}}, "spec.revisionHistoryLimit"),
        ("HorizontalPodAutoscaler", {"spec": {"maxReplicas": 99}}, "spec.maxReplicas"),
        ("ServiceAccount", {"automountServiceAccountToken": None}, "automountServiceAccountToken"),
    ],
)
def test_a_manual_edit_is_restored(
    api: Any, operator: Any, make_graph: Any, eventually: Any, kind: str, patch: Any, path: str
) -> None:
    def read() -> Any:
        value: Any = api.get(kind, POOL)
        for part in path.split("."):
            value = value.get(part)
        return value

    api.apply(make_graph("a"))
    eventually(lambda: _has_children(api))
    before = read()
    if patch == {"spec": {"ports": None}}:
        patch = {"spec": {"selector": {"app.kubernetes.io/name": "elsewhere"}}}
    api.patch(kind, POOL, patch)
    eventually(lambda: read() == before, seconds=5)


@pytest.mark.parametrize(("kind", "name"), CHILDREN)
def test_a_deleted_child_comes_back(
    api: Any, operator: Any, make_graph: Any, eventually: Any, kind: str, name: str
) -> None:
    api.apply(make_graph("a"))
    eventually(lambda: _has_children(api))
    uid = api.get(kind, name)["metadata"]["uid"]
    api.delete(kind, name)
    eventually(
        lambda: (api.find(kind, name) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid
    )


def test_replicas_and_other_fields_of_others_stay(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graph("a"))
    eventually(lambda: _has_children(api))
    api.patch("Deployment", POOL, {"spec": {"replicas": 4}}, subresource="/scale", manager="hpa")
    api.patch("Deployment", POOL, {"metadata": {"annotations": {"theirs": "x"}}})
    api.apply(make_graphpool(worker={"image": "registry.example/graphs:2"}))

    def image() -> str:
        pod = api.get("Deployment", POOL)["spec"]["template"]["spec"]
        return str(pod["containers"][0]["image"])

    eventually(lambda: image() == "registry.example/graphs:2")
    deployment = api.get("Deployment", POOL)
    assert deployment["spec"]["replicas"] == 4
    assert deployment["metadata"]["annotations"]["theirs"] == "x"


def test_a_setting_that_is_taken_back_leaves_the_pods(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    def selector() -> Any:
        return api.get("Deployment", POOL)["spec"]["template"]["spec"].get("nodeSelector")

    api.apply(make_graph("a"))
    api.apply(make_graphpool(worker={"image": "i:1", "nodeSelector": {"disk": "ssd"}}))
    eventually(lambda: _has_children(api))
    eventually(lambda: selector() == {"disk": "ssd"})
    api.apply(make_graphpool(worker={"image": "i:1"}))
    eventually(lambda: selector() is None)


def test_replicas_stay_when_an_autoscaler_takes_over(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graph("a"))
    api.apply(make_graphpool(scaling={"mode": "None"}, replicas=3))
    eventually(lambda: api.find("Deployment", POOL))
    eventually(lambda: api.get("Deployment", POOL)["spec"]["replicas"] == 3)
    assert api.find("HorizontalPodAutoscaler", POOL) is None
    api.apply(make_graphpool(scaling={"mode": "HPA"}))
    eventually(lambda: api.find("HorizontalPodAutoscaler", POOL))

    def is_given_up() -> bool:
        entries = api.get("Deployment", POOL)["metadata"]["managedFields"]
        owners = [e["manager"] for e in entries if "f:replicas" in e["fieldsV1"].get("f:spec", {})]
        return "graphwarden-operator" not in owners

    eventually(is_given_up)
    assert api.get("Deployment", POOL)["spec"]["replicas"] == 3


def test_nothing_is_written_when_nothing_changes(
    api: Any, program: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    overlay = {"spec": {"hostNetwork": False, "topologySpreadConstraints": []}}
    worker = {
        "resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "limits": {"cpu": "1000m"}},
        "env": [{"name": "EMPTY", "value": ""}],
        "podTemplate": overlay,
    }
    scaling = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}
    api.apply(make_graph("a"))
    api.apply(make_graphpool(worker=worker, scaling=scaling))
    with program.running():
        eventually(lambda: _has_children(api))
        eventually(lambda: "Ready" in _conditions(api, "email", "GraphPool"))
        eventually(lambda: "Ready" in _conditions(api, "a"))
        _settle(api, program, eventually)
        before, writes = _versions(api), program.count_writes()
        for _ in range(3):
            _settle(api, program, eventually)
        assert program.count_writes() == writes
        assert _versions(api) == before
    with program.running():
        eventually(lambda: program.count_passes() >= 1)
        _settle(api, program, eventually)
        assert program.count_writes() == 0
        assert _versions(api) == before


def _settle(api: Any, program: Any, eventually: Any) -> None:
    """Go through one more pass, begun after everything that has been seen so far."""
    passes = program.count_passes()
    api.patch("GraphSpec", "a", {"metadata": {"annotations": {"settle": str(passes)}}})
    eventually(lambda: program.count_passes() > passes)


def test_the_older_of_two_with_one_assistant_id_wins_until_it_goes(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    older = make_graph("z-older")
    shared = older["spec"]["assistantID"]
    api.apply(older)
    eventually(lambda: _conditions(api, "z-older"))
    younger = make_graph("younger", assistantID=shared, capability="search")
    api.apply({**younger, "metadata": {"name": "zz-younger"}})
    eventually(lambda: _conditions(api, "zz-younger"))
    assert _conditions(api, "zz-younger")["Accepted"] == ("False", "AssistantIDConflict")
    assert api.find("Deployment", "graphpool-search") is None
    api.delete("GraphSpec", "z-older")
    eventually(lambda: _conditions(api, "zz-younger")["Accepted"] == ("True", "Accepted"))
    eventually(lambda: api.find("Deployment", "graphpool-search"))
    eventually(lambda: api.find("Deployment", POOL) is None)


def test_a_graph_that_moves_takes_its_pool_along(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    graph = make_graph("a")
    api.apply(graph)
    eventually(lambda: _has_children(api))
    api.apply({**graph, "spec": {**graph["spec"], "capability": "search"}})
    eventually(lambda: api.find("Deployment", "graphpool-search"))
    eventually(lambda: not any(api.find(kind, name) for kind, name in CHILDREN))


def test_a_prompt_in_a_config_map_reaches_the_registry(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    graph = api.apply(make_graph("a", contextFrom=[{"configMapRef": {"name": "prompt"}}]))
    assistant_id = graph["spec"]["assistantID"]
    eventually(lambda: _conditions(api, "a").get("Accepted") == ("False", "ContextMissing"))
    prompt = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prompt"}}
    api.apply({**prompt, "data": {"prompt": "one"}})
    eventually(lambda: _has_children(api))
    assert _rows(api)[assistant_id]["context"] == {"prompt": "one"}
    template = api.get("Deployment", POOL)["spec"]["template"]
    api.apply({**prompt, "data": {"prompt": "two"}})
    eventually(lambda: _rows(api)[assistant_id]["context"] == {"prompt": "two"})
    assert api.get("Deployment", POOL)["spec"]["template"] == template


def test_a_paused_pool_keeps_what_it_has(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graph("a"))
    api.apply(make_graphpool())
    eventually(lambda: _has_children(api))
    api.apply(make_graphpool(paused=True, concurrencyPerReplica=3))
    eventually(lambda: _conditions(api, "email", "GraphPool").get("Ready") == ("False", "Paused"))
    api.patch("Deployment", POOL, {"spec": {"revisionHistoryLimit": 9}})
    _settle(api, operator, eventually)
    assert api.get("Deployment", POOL)["spec"]["revisionHistoryLimit"] == 9


def test_a_suspended_graph_leaves_the_registry_and_the_last_one_takes_the_pool(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    first, second = make_graph("a"), make_graph("b")
    api.apply(first)
    api.apply(second)
    eventually(lambda: _has_children(api))
    eventually(lambda: len(_rows(api)) == 2)
    api.apply({**first, "spec": {**first["spec"], "suspend": True}})
    eventually(lambda: list(_rows(api)) == [second["spec"]["assistantID"]])
    api.apply({**second, "spec": {**second["spec"], "suspend": True}})
    eventually(lambda: not any(api.find(kind, name) for kind, name in CHILDREN))


def test_what_was_missed_while_down_is_made_good_at_the_start(
    api: Any, program: Any, make_graph: Any, eventually: Any
) -> None:
    api.apply(make_graph("a"))
    with program.running():
        eventually(lambda: _has_children(api))
    api.delete("GraphSpec", "a")
    with program.running():
        eventually(lambda: not any(api.find(kind, name) for kind, name in CHILDREN))


def test_policy_and_defaults_are_the_platform_teams(
    api: Any, program: Any, make_graph: Any, eventually: Any
) -> None:
    api.apply(make_graph("a", module="elsewhere.graph"))
    api.apply(make_graph("b", capability="search"))
    with program.running(
        GRAPHWARDEN_ALLOWED_MODULES="graphs.", GRAPHWARDEN_ALLOWED_REGISTRIES="other.example/"
    ):
        eventually(lambda: _conditions(api, "a") and _conditions(api, "b"))
    assert _conditions(api, "a")["Accepted"] == ("False", "ModuleNotAllowed")
    assert _conditions(api, "b")["Accepted"] == ("False", "InvalidPool")
    assert api.list("Deployment") == []


def test_the_operator_tells_of_itself(
    api: Any, operator: Any, make_graph: Any, eventually: Any
) -> None:
    graph = api.apply(make_graph("a"))
    eventually(lambda: _conditions(api, "a"))
    assert httpx.get(f"{operator.health_url}/healthz").text == "ok"
    figures = httpx.get(operator.metrics_url).text
    label = f'assistant_id="{graph["spec"]["assistantID"]}",capability="email",name="a"'
    assert f"graphwarden_graphspec_info{{{label}" in figures
    assert 'graphwarden_writes_total{kind="Deployment",verb="apply"} 1.0' in figures
