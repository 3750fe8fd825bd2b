"""What a pool becomes in the API server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from graphwarden.control.desired import make_children
from graphwarden.control.desired.overlay import merge_overlay
from graphwarden.control.desired.pod import make_environment
from graphwarden.control.desired.registry import make_registry_revision


def _child(pool: Any, kind: str) -> Any:
    return next((c for c in make_children(pool) if c["kind"] == kind), None)


def _container(pool: Any) -> Any:
    return _child(pool, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def test_a_pool_without_a_graphpool_has_its_seven_children(make_graph: Any, pool_of: Any) -> None:
    children = make_children(pool_of(make_graph("email-reply")))
    assert [(c["kind"], c["metadata"]["name"]) for c in children] == [
        ("ServiceAccount", "graphpool-email"),
        ("ConfigMap", "graphpool-email-registry"),
        ("NetworkPolicy", "graphpool-email"),
        ("Service", "graphpool-email"),
        ("Deployment", "graphpool-email"),
        ("HorizontalPodAutoscaler", "graphpool-email"),
        ("PodDisruptionBudget", "graphpool-email"),
    ]


def test_a_null_that_somebody_wrote_asks_for_nothing(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    sidecar = {"name": "s", "image": "i", "imagePullPolicy": None}
    pool = make_graphpool(
        scaling={"behavior": {"scaleUp": None}},
        worker={"podTemplate": {"spec": {"containers": [sidecar]}}},
    )
    pool = pool_of(make_graph("email-reply"), pool)
    assert _child(pool, "HorizontalPodAutoscaler")["spec"]["behavior"] == {}
    containers = _child(pool, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "s", "image": "i"} in containers


def test_the_whole_deployment(make_graph: Any, make_graphpool: Any, pool_of: Any) -> None:
    graphpool = make_graphpool(storage={"secretRef": {"name": "postgres"}})
    deployment = _child(pool_of(make_graph("email-reply"), graphpool), "Deployment")
    assert deployment == snapshot(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "graphpool-email",
                "namespace": "sales",
                "labels": {
                    "app.kubernetes.io/name": "graphwarden-worker",
                    "graphwarden.dev/pool": "email",
                    "app.kubernetes.io/managed-by": "graphwarden-operator",
                    "app.kubernetes.io/part-of": "graphwarden",
                },
                "ownerReferences": [
                    {
                        "apiVersion": "graphwarden.dev/v1alpha1",
                        "kind": "GraphPool",
                        "name": "email",
                        "uid": "uid-pool",
                        "controller": True,
                    }
                ],
                "annotations": {"graphwarden.dev/image": "registry.example/graphs:1"},
            },
            "spec": {
                "selector": {
                    "matchLabels": {
                        "app.kubernetes.io/name": "graphwarden-worker",
                        "graphwarden.dev/pool": "email",
                    }
                },
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
                },
                "revisionHistoryLimit": 3,
                "template": {
                    "metadata": {
                        "labels": {
                            "app.kubernetes.io/name": "graphwarden-worker",
                            "graphwarden.dev/pool": "email",
                            "app.kubernetes.io/managed-by": "graphwarden-operator",
                            "app.kubernetes.io/part-of": "graphwarden",
                        }
                    },
                    "spec": {
                        "serviceAccountName": "graphpool-email",
                        "automountServiceAccountToken": False,
                        "enableServiceLinks": False,
                        "shareProcessNamespace": True,
                        "securityContext": {
                            "runAsNonRoot": True,
                            "runAsUser": 65532,
                            "runAsGroup": 65532,
                            "fsGroup": 65532,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "terminationGracePeriodSeconds": 1800,
                        "containers": [
                            {
                                "name": "worker",
                                "image": "registry.example/graphs:1",
                                "imagePullPolicy": "IfNotPresent",
                                "command": ["python", "-m", "graphwarden.worker"],
                                "ports": [
                                    {"name": "http", "containerPort": 8000, "protocol": "TCP"}
                                ],
                                "env": [
                                    {
                                        "name": "GRAPHWARDEN_REGISTRY",
                                        "value": "/etc/graphwarden/registry/registry.json",
                                    },
                                    {"name": "GRAPHWARDEN_HOST", "value": "0.0.0.0"},
                                    {"name": "GRAPHWARDEN_PORT", "value": "8000"},
                                    {"name": "GRAPHWARDEN_CAPABILITY", "value": "email"},
                                    {"name": "GRAPHWARDEN_CONCURRENCY", "value": "10"},
                                    {"name": "GRAPHWARDEN_DRAIN_SECONDS", "value": "1790"},
                                    {"name": "GRAPHWARDEN_UNREADY_SECONDS", "value": "2"},
                                    {"name": "GRAPHWARDEN_LOG_FORMAT", "value": "json"},
                                    {
                                        "name": "GRAPHWARDEN_DATABASE_URL",
                                        "valueFrom": {
                                            "secretKeyRef": {"name": "postgres", "key": "dsn"}
                                        },
                                    },
                                ],
                                "resources": {
                                    "requests": {"cpu": "250m", "memory": "256Mi"},
                                    "limits": {"memory": "1Gi"},
                                },
                                "securityContext": {
                                    "allowPrivilegeEscalation": False,
                                    "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]},
                                },
                                "startupProbe": {
                                    "httpGet": {"path": "/live", "port": "http", "scheme": "HTTP"},
                                    "periodSeconds": 1,
                                    "failureThreshold": 120,
                                    "timeoutSeconds": 2,
                                },
                                "livenessProbe": {
                                    "httpGet": {"path": "/live", "port": "http", "scheme": "HTTP"},
                                    "periodSeconds": 10,
                                    "failureThreshold": 6,
                                    "timeoutSeconds": 5,
                                },
                                "readinessProbe": {
                                    "httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"},
                                    "periodSeconds": 2,
                                    "failureThreshold": 2,
                                    "timeoutSeconds": 2,
                                },
                                "volumeMounts": [
                                    {
                                        "name": "registry",
                                        "mountPath": "/etc/graphwarden/registry",
                                        "readOnly": True,
                                    },
                                    {"name": "tmp", "mountPath": "/tmp"},
                                ],
                            }
                        ],
                        "volumes": [
                            {"name": "registry", "configMap": {"name": "graphpool-email-registry"}},
                            {"name": "tmp", "emptyDir": {}},
                        ],
                    },
                },
            },
        }
    )


def test_adding_a_graph_leaves_the_deployment_as_it_is(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    one = pool_of(make_graph("email-reply"), make_graphpool())
    two = pool_of(
        make_graph("email-reply"),
        make_graph("email-compose", resumable=True, run={"timeout": "24h"}),
        make_graphpool(),
    )
    assert _child(one, "Deployment") == _child(two, "Deployment")
    assert make_registry_revision(one) != make_registry_revision(two)


def test_without_a_graphpool_every_graph_of_the_pool_is_an_owner(
    make_graph: Any, pool_of: Any
) -> None:
    pool = pool_of(make_graph("b"), make_graph("a"), make_graph("waits", suspend=True))
    owners = _child(pool, "Service")["metadata"]["ownerReferences"]
    assert [(o["kind"], o["name"], "controller" in o) for o in owners] == [
        ("GraphSpec", "a", False),
        ("GraphSpec", "b", False),
    ]


def test_a_graphpool_is_the_one_controller(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    pool = pool_of(make_graph("a"), make_graph("b"), make_graphpool())
    assert _child(pool, "Service")["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "graphwarden.dev/v1alpha1",
            "kind": "GraphPool",
            "name": "email",
            "uid": "uid-pool",
            "controller": True,
        }
    ]


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [
        ({}, None),
        ({"scaling": {"mode": "KEDA"}}, None),
        ({"scaling": {"mode": "None"}, "replicas": 4}, 4),
        ({"scaling": {"mode": "None"}, "replicas": 0}, 0),
        ({"scaling": {"mode": "None", "minReplicas": 2}}, 2),
    ],
)
def test_replicas_are_ours_only_without_a_scaler(
    make_graph: Any, make_graphpool: Any, pool_of: Any, spec: Any, replicas: int | None
) -> None:
    pool = pool_of(make_graph("a"), make_graphpool(**spec))
    assert _child(pool, "Deployment")["spec"].get("replicas") == replicas
    has_autoscaler = _child(pool, "HorizontalPodAutoscaler") is not None
    assert has_autoscaler == (spec.get("scaling", {}).get("mode", "HPA") == "HPA")


def test_an_autoscaler_that_knows_the_runs_in_flight_goes_by_them_alone(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    graphpool = make_graphpool(concurrencyPerReplica=10, scaling={"minReplicas": 0})
    pool = replace(pool_of(make_graph("email-reply"), graphpool), counts_runs=True)
    spec = _child(pool, "HorizontalPodAutoscaler")["spec"]
    (metric,) = spec["metrics"]
    assert spec["minReplicas"] == 0
    assert metric["external"] == {
        "metric": {
            "name": "graphwarden_runs_in_flight",
            "selector": {"matchLabels": {"capability": "email"}},
        },
        "target": {"type": "AverageValue", "averageValue": "7"},
    }


@pytest.mark.parametrize(("least", "most", "expected"), [(0, 5, (1, 5)), (3, 2, (3, 3))])
def test_an_autoscaler_on_cpu_keeps_one_replica(
    make_graph: Any, make_graphpool: Any, pool_of: Any, least: int, most: int, expected: Any
) -> None:
    scaling = {"minReplicas": least, "maxReplicas": most, "behavior": {"scaleDown": {}}}
    pool = pool_of(make_graph("a"), make_graphpool(scaling=scaling))
    spec = _child(pool, "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == expected
    assert spec["behavior"] == {"scaleDown": {}}


def test_what_a_graphpool_says_of_its_pods_reaches_them(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    worker = {
        "image": "other:2",
        "imagePullPolicy": "Always",
        "serviceAccountName": "theirs",
        "envFrom": [{"secretRef": {"name": "smtp"}}],
        "env": [
            {"name": "TZ", "value": "UTC"},
            {"name": "GRAPHWARDEN_LOG_FORMAT", "value": "text"},
        ],
        "nodeSelector": {"disk": "ssd"},
        "priorityClassName": "high",
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
    pool = pool_of(make_graph("a"), make_graphpool(worker=worker, concurrencyPerReplica=3))
    pod = _child(pool, "Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert container["image"] == "other:2"
    assert container["imagePullPolicy"] == "Always"
    assert container["envFrom"] == [{"secretRef": {"name": "smtp"}}]
    assert (env["TZ"], env["GRAPHWARDEN_LOG_FORMAT"]) == ("UTC", "text")
    assert env["GRAPHWARDEN_CONCURRENCY"] == "3"
    assert pod["serviceAccountName"] == "theirs"
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert pod["priorityClassName"] == "high"
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert _child(pool, "ServiceAccount") is None


def test_the_database_comes_from_the_secret_that_the_pool_names(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    storage = {"secretRef": {"name": "postgres", "key": "url"}}
    env = _container(pool_of(make_graph("a"), make_graphpool(storage=storage)))["env"]
    assert env[-1] == {
        "name": "GRAPHWARDEN_DATABASE_URL",
        "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "url"}},
    }


def test_an_overlay_cannot_take_the_selector_labels(
    make_graph: Any, make_graphpool: Any, pool_of: Any
) -> None:
    overlay = {
        "metadata": {"labels": {"app.kubernetes.io/name": "mine", "team": "x"}},
        "spec": {
            "containers": [{"name": "worker", "lifecycle": {}}, {"name": "side", "image": "s"}]
        },
    }
    pool = pool_of(make_graph("a"), make_graphpool(worker={"podTemplate": overlay}))
    template = _child(pool, "Deployment")["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "graphwarden-worker"
    assert template["metadata"]["labels"]["team"] == "x"
    assert [c["name"] for c in template["spec"]["containers"]] == ["worker", "side"]
    assert template["spec"]["containers"][0]["image"] == "registry.example/graphs:1"


def test_the_registry_holds_the_rows_in_order(make_graph: Any, pool_of: Any) -> None:
    pool = pool_of(make_graph("b"), make_graph("a", context={"tone": "kind"}))
    document = json.loads(_child(pool, "ConfigMap")["data"]["registry.json"])
    assert [row["assistant_id"] for row in document["graphs"]] == ["a", "b"]
    assert document["graphs"][0]["context"] == {"tone": "kind"}


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1, "b": {"c": 1}}, {"b": {"d": 2}}, {"a": 1, "b": {"c": 1, "d": 2}}),
        ({"a": 1}, {"a": None}, {}),
        ({"args": ["x", "y"]}, {"args": ["z"]}, {"args": ["z"]}),
        (
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "valueFrom": {"x": 1}}, {"name": "B"}]},
            {"env": [{"name": "A", "valueFrom": {"x": 1}}, {"name": "B"}]},
        ),
        (
            {"containers": [{"name": "w", "image": "i", "args": ["a"]}]},
            {"containers": [{"name": "w", "args": ["b"]}]},
            {"containers": [{"name": "w", "image": "i", "args": ["b"]}]},
        ),
    ],
)
def test_an_overlay_merges_by_name(base: Any, over: Any, merged: Any) -> None:
    assert merge_overlay(base, over) == merged


@pytest.mark.parametrize(("cap", "seconds"), [("30m", "2"), ("4s", "1"), ("1s", "0.25")])
def test_routers_get_time_to_notice_and_never_all_that_a_pod_has(
    make_graph: Any, make_graphpool: Any, pool_of: Any, cap: str, seconds: str
) -> None:
    # A graph that cannot go on elsewhere has the whole of it.
    graph = make_graph("email-reply", run={"timeout": "2h"})
    pool = pool_of(graph, make_graphpool(drain={"maxGracePeriod": cap}))
    (told,) = [e for e in make_environment(pool) if e["name"] == "GRAPHWARDEN_UNREADY_SECONDS"]
    assert told["value"] == seconds
