"""From desired and live to the writes in between."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.control.desired import make_children
from graphwarden.control.kinds import CHILDREN, JOB
from graphwarden.control.observed import Observed, PodView
from graphwarden.control.plan import Apply, Delete, HandOver, Touch, plan

POD = PodView("p1", "10.0.0.1", running=True, ready=True, registry_revision="r1")


def _store(children: list[Any]) -> list[Any]:
    """The children as an API server would hold them."""
    stored = copy.deepcopy(children)
    for index, child in enumerate(stored):
        child["metadata"] |= {"uid": f"u{index}", "resourceVersion": str(index)}
        if child["kind"] == "Deployment":
            child["spec"]["replicas"] = child["spec"].get("replicas", 7)
            child["spec"]["progressDeadlineSeconds"] = 600
            pod = child["spec"].setdefault("template", {}).setdefault("spec", {})
            pod["restartPolicy"] = "Always"
    return stored


@pytest.fixture
def desired(make_graph: Any, pool_of: Any) -> list[Any]:
    return make_children(pool_of(make_graph("a")))


def test_an_empty_namespace_gets_every_child_in_order(desired: list[Any]) -> None:
    steps = plan(desired, Observed(), "r1")
    assert all(isinstance(step, Apply) for step in steps)
    assert [step.body["kind"] for step in steps if isinstance(step, Apply)] == [
        kind.name for kind in CHILDREN if kind is not JOB
    ]


def test_children_that_are_as_they_should_be_need_nothing(desired: list[Any]) -> None:
    assert plan(desired, Observed(_store(desired), [POD]), "r1") == []


@given(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_carrying_out_a_plan_leaves_nothing_to_plan(missing: set[int], edited: set[int]) -> None:
    desired = [
        {"kind": kind.name, "metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"v": 1}}
        for kind in CHILDREN
    ]
    live = {i: child for i, child in enumerate(_store(desired)) if i not in missing}
    for index in edited & live.keys():
        live[index]["spec"]["v"] = 2
    steps = plan(desired, Observed(list(live.values())), "r1")
    assert len(steps) == len(missing | edited)
    after = {(c["kind"], c["metadata"]["name"]): c for c in live.values()}
    after |= {(s.body["kind"], "x"): s.body for s in steps if isinstance(s, Apply)}
    assert plan(desired, Observed(list(after.values())), "r1") == []


def test_children_of_a_pool_without_graphs_go_the_other_way_round_and_the_scaler_first(
    desired: list[Any],
) -> None:
    steps = plan([], Observed(_store(desired), [POD]), "")
    assert [step.kind for step in steps if isinstance(step, Delete)] == [
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Deployment",
        "Service",
        "NetworkPolicy",
        "ConfigMap",
        "ServiceAccount",
    ]
    assert len(steps) == len(desired)


def test_a_child_that_is_being_deleted_is_left_alone(desired: list[Any]) -> None:
    live = _store(desired)
    for child in live:
        child["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert plan([], Observed(live), "") == []
    assert plan(desired, Observed(live), "r1") == []


def test_only_running_pods_with_an_older_registry_are_touched(desired: list[Any]) -> None:
    pods = [
        PodView("old", "10.0.0.1", running=True, ready=False, registry_revision="r0"),
        PodView("new", "10.0.0.2", running=True, ready=True, registry_revision="r1"),
        PodView("starting", "", running=False, ready=False, registry_revision=""),
    ]
    assert plan(desired, Observed(_store(desired), pods), "r1") == [Touch("old", "r1")]


def test_the_touch_comes_after_the_registry(desired: list[Any]) -> None:
    live = _store(desired)
    live[1]["data"]["registry.json"] = "{}"
    steps = plan(desired, Observed(live, [POD]), "r2")
    assert [type(step) for step in steps] == [Apply, Touch]


@pytest.mark.parametrize(
    ("owners", "handed_over"),
    [
        (["graphwarden-operator"], True),
        (["graphwarden-operator", "kube-controller-manager"], False),
        (["kube-controller-manager"], False),
    ],
)
def test_replicas_are_handed_over_when_a_scaler_takes_them(
    desired: list[Any], owners: list[str], handed_over: bool
) -> None:
    live = _store(desired)
    deployment = next(child for child in live if child["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["enableServiceLinks"] = True
    deployment["metadata"]["managedFields"] = [
        {"manager": m, "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        for m in owners
    ]
    steps = plan(desired, Observed(live), "r1")
    assert (steps[0] == HandOver("graphpool-email", 7)) is handed_over
