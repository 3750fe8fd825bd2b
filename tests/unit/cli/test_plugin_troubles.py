from __future__ import annotations

import inspect
from typing import Any

import pytest

from graphwarden.api import conditions
from graphwarden.cli.plugin.pods import find_pod_trouble, is_ready
from graphwarden.cli.plugin.remedies import find_remedy
from graphwarden.cli.plugin.troubles import find_troubles, judge_graph, judge_graphpool
from graphwarden.control import pool_status, rollout


def graph(name: str = "a", *found: dict[str, Any], generation: int = 1) -> dict[str, Any]:
    return {
        "kind": "GraphSpec",
        "metadata": {"namespace": "sales", "name": name, "generation": generation},
        "spec": {"assistantID": name, "capability": "email"},
        "status": {"conditions": list(found)},
    }


def graphpool(*found: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "GraphPool",
        "metadata": {"namespace": "sales", "name": "email", "generation": 1},
        "status": {"conditions": list(found)},
    }


def condition(kind: str, status: str, reason: str, generation: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": f"because of {reason}",
        "observedGeneration": generation,
    }


def pod(**status: Any) -> dict[str, Any]:
    labels = {"graphwarden.dev/pool": "email"}
    meta = {"namespace": "sales", "name": "email-1", "labels": labels}
    return {"metadata": meta, "status": status}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([condition("Ready", "True", "Ready")], None),
        ([condition("Ready", "True", "ScaledToZero")], None),
        ([condition("Ready", "False", "ImportError")], "ImportError"),
        ([condition("Ready", "Unknown", "InvalidSpec")], "InvalidSpec"),
        (
            [condition("Ready", "True", "Ready"), condition("Loaded", "False", "PartiallyLoaded")],
            "PartiallyLoaded",
        ),
        ([condition("Ready", "True", "Ready"), condition("Loaded", "False", "Pending")], None),
        ([], "NotSeen"),
    ],
)
def test_a_graph_is_in_trouble_when_its_conditions_say_so(
    found: list[dict[str, Any]], wanted: str | None
) -> None:
    trouble = judge_graph(graph("a", *found))
    assert (trouble.reason if trouble else None) == wanted


def test_what_was_said_of_an_older_generation_does_not_count() -> None:
    trouble = judge_graph(graph("a", condition("Ready", "True", "Ready"), generation=2))
    assert trouble is not None
    assert (trouble.reason, "this generation" in trouble.message) == ("NotSeen", True)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([condition("Ready", "True", "Ready")], None),
        ([condition("Ready", "False", "NoGraphs")], "NoGraphs"),
        (
            [
                condition("Ready", "True", "Ready"),
                condition("Degraded", "True", "RolloutStuck"),
            ],
            "RolloutStuck",
        ),
        (
            [
                condition("Ready", "True", "Ready"),
                condition("ScalingActive", "False", "KEDANotEnabled"),
            ],
            "KEDANotEnabled",
        ),
        (
            [
                condition("Ready", "True", "Ready"),
                condition("ScalingActive", "False", "ScalingDisabled"),
            ],
            None,
        ),
        (
            [condition("Ready", "True", "Ready"), condition("ScalingActive", "Unknown", "Pending")],
            None,
        ),
    ],
)
def test_a_pool_is_in_trouble_when_it_takes_no_calls_does_not_scale_or_needs_a_person(
    found: list[dict[str, Any]], wanted: str | None
) -> None:
    trouble = judge_graphpool(graphpool(*found))
    assert (trouble.reason if trouble else None) == wanted


def _waiting(reason: str, **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": "back-off"}}
    return {"containerStatuses": [{"state": state, **more}]}


KILLED = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ({"phase": "Running"}, None),
        (_waiting("ContainerCreating"), None),
        (_waiting("ImagePullBackOff"), "ImagePullBackOff: back-off"),
        (
            _waiting("CrashLoopBackOff", lastState=KILLED),
            "CrashLoopBackOff: the last one ended with OOMKilled, exit code 137; back-off",
        ),
        (
            {"containerStatuses": [{"ready": False, "state": {}, "lastState": KILLED}]},
            "OOMKilled: the last one ended with OOMKilled, exit code 137",
        ),
        ({"containerStatuses": [{"ready": True, "state": {}, "lastState": KILLED}]}, None),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available",
                    }
                ]
            },
            "Unschedulable: 0/3 nodes are available",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "Evicted: disk"),
    ],
)
def test_a_pod_says_why_it_does_not_run(status: dict[str, Any], wanted: str | None) -> None:
    trouble = find_pod_trouble(pod(**status))
    assert (f"{trouble.reason}: {trouble.message}" if trouble else None) == wanted


def test_a_pod_on_its_way_out_is_not_ready() -> None:
    body = pod(conditions=[{"type": "Ready", "status": "True"}])
    assert is_ready(body)
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not is_ready(body)


def test_a_pod_is_told_only_where_its_pool_is_in_trouble() -> None:
    broken = pod(**_waiting("ImagePullBackOff"))
    well = graph("a", condition("Ready", "True", "Ready"))
    ill = graph("b", condition("Ready", "False", "PoolUnavailable"))
    assert find_troubles([well], [], [broken]) == []
    found = find_troubles([well, ill], [], [broken])
    assert [(f.kind, f.name) for f in found] == [("GraphSpec", "b"), ("Pod", "email-1")]


def test_a_remedy_names_the_objects_it_is_about() -> None:
    (finding,) = find_troubles([graph("a", condition("Ready", "False", "ImportError"))], [])
    assert "kubectl logs deployment/graphpool-email" in finding.remedy


def _reasons() -> list[str]:
    classes = (conditions.Accepted, conditions.Loaded, conditions.Ready)
    own = [value for kind in classes for name, value in vars(kind).items() if name.isupper()]
    told = [
        pool_status.NO_GRAPHS,
        pool_status.PAUSED,
        pool_status.GRAPHS_NOT_LOADED,
        pool_status.ROLLOUT_STUCK,
        pool_status.APPLY_REFUSED,
        pool_status.KEDA_NOT_ENABLED,
        rollout.PREFLIGHT_FAILED,
    ]
    return sorted({*own, *told} - {"Accepted", "Loaded", "Ready", "NotAccepted"})


@pytest.mark.parametrize("reason", _reasons())
def test_every_reason_that_the_operator_gives_has_a_remedy(reason: str) -> None:
    names = {"kind": "GraphSpec", "name": "a", "pool": "email", "deployment": "graphpool-email"}
    remedy = find_remedy(reason, **names)
    assert "{" not in remedy
    assert remedy != find_remedy("SomethingNew", **names)


def test_a_reason_nobody_knows_leads_to_kubectl_describe() -> None:
    signature = inspect.signature(find_remedy)
    words = {name: name for name in signature.parameters if name != "reason"}
    assert find_remedy("New", **words) == "see the whole of it: kubectl describe kind name"
