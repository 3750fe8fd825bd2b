"""One scaler at a time, and idle pods first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from graphwarden.control.deletion_cost import is_scale_in_near, plan_costs
from graphwarden.control.desired import make_children
from graphwarden.control.observed import LoadTable, Observed, PodView
from graphwarden.control.plan import Apply, Cost, Delete, Step, plan
from graphwarden.control.pool_status import judge_scaling

URL = "http://operator:8080/in-flight"


@pytest.fixture
def pools(make_graph: Any, make_graphpool: Any, pool_of: Any) -> Any:
    """Makes the pool with that scaling; KEDA is there unless it is said otherwise."""

    def make(keda: str = URL, replicas: int | None = None, **scaling: Any) -> Any:
        spec: Any = {"scaling": scaling} | ({} if replicas is None else {"replicas": replicas})
        pool = pool_of(make_graph("email-reply"), make_graphpool(**spec))
        return replace(pool, keda_url=keda)

    return make


def _scaler_steps(steps: list[Step]) -> list[str]:
    scalers = ("HorizontalPodAutoscaler", "ScaledObject")
    return [
        f"{type(s).__name__} {s.kind if isinstance(s, Delete) else s.body['kind']}"
        for s in steps
        if (isinstance(s, Delete) and s.kind in scalers)
        or (isinstance(s, Apply) and s.body["kind"] in scalers)
    ]


def _kedas_own() -> Any:
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "controller": True}
    meta = {"name": "keda-hpa-graphpool-email", "uid": "k", "ownerReferences": [owner]}
    return {"kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": {}}


@pytest.mark.parametrize(
    ("before", "after", "first", "second"),
    [
        ("HPA", "KEDA", "HorizontalPodAutoscaler", ["Apply ScaledObject"]),
        ("KEDA", "HPA", "ScaledObject", ["Apply HorizontalPodAutoscaler"]),
        ("HPA", "None", "HorizontalPodAutoscaler", []),
        ("KEDA", "None", "ScaledObject", []),
    ],
)
def test_one_scaler_goes_before_another_comes(
    pools: Any, before: str, after: str, first: str, second: list[str]
) -> None:
    live = make_children(pools(mode=before))
    wanted = make_children(pools(mode=after))
    assert _scaler_steps(plan(wanted, Observed(live), "")) == [f"Delete {first}"]
    live = [child for child in live if child["kind"] != first]
    assert _scaler_steps(plan(wanted, Observed(live), "")) == second


def test_a_scaler_on_its_way_out_is_waited_for(pools: Any) -> None:
    live = make_children(pools(mode="KEDA"))
    scaled = next(child for child in live if child["kind"] == "ScaledObject")
    scaled["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert _scaler_steps(plan(make_children(pools(mode="HPA")), Observed(live), "")) == []


def test_the_autoscaler_that_keda_made_is_left_to_it(pools: Any) -> None:
    children = make_children(pools(mode="KEDA"))
    assert _scaler_steps(plan(children, Observed([*children, _kedas_own()]), "")) == []


def test_an_autoscaler_of_ours_waits_until_that_of_keda_is_gone(pools: Any) -> None:
    live = [c for c in make_children(pools(mode="KEDA")) if c["kind"] != "ScaledObject"]
    observed = Observed([*live, _kedas_own()])
    assert _scaler_steps(plan(make_children(pools(mode="HPA")), observed, "")) == []


def test_keda_asks_the_operator_for_the_runs_in_flight(pools: Any) -> None:
    pool = pools(mode="KEDA", minReplicas=0, maxReplicas=4, targetInFlightPercent=50)
    (scaled,) = (c for c in make_children(pool) if c["kind"] == "ScaledObject")
    assert scaled["spec"]["minReplicaCount"] == 0
    assert scaled["spec"]["maxReplicaCount"] == 4
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"] == {
        "url": f"{URL}/sales/email",
        "valueLocation": "value",
        "targetValue": "5",
    }


def test_without_keda_the_pool_says_what_to_do(pools: Any) -> None:
    pool = pools(keda="", mode="KEDA")
    assert "ScaledObject" not in {child["kind"] for child in make_children(pool)}
    finding = judge_scaling(pool, Observed())
    assert (finding.status, finding.reason) == ("False", "KEDANotEnabled")
    assert "keda.enabled=true" in finding.message


def _observed(pool: Any, replicas: int, *in_flight: int, costs: tuple[str, ...] = ()) -> Observed:
    children = make_children(pool)
    for child in children:
        if child["kind"] == "Deployment":
            child["spec"]["replicas"] = replicas
    marks = costs or ("",) * len(in_flight)
    pods = [PodView(f"p{i}", "10.0.0.1", True, True, "", cost) for i, cost in enumerate(marks)]
    tables = {f"p{i}": LoadTable(in_flight=runs) for i, runs in enumerate(in_flight)}
    return Observed(children, pods, tables)


def test_before_a_scale_in_pods_with_runs_become_dear(pools: Any) -> None:
    pool = pools(scaleIn="IdleFirst")
    assert plan_costs(pool, _observed(pool, 3, 0, 2, 1)) == [Cost("p1", "1"), Cost("p2", "1")]


def test_a_pod_that_has_become_idle_is_cheap_again(pools: Any) -> None:
    pool = pools(scaleIn="IdleFirst")
    assert plan_costs(pool, _observed(pool, 2, 0, 1, costs=("1", "1"))) == [Cost("p0", "")]


@pytest.mark.parametrize(
    ("scaling", "replicas", "in_flight", "near"),
    [
        ({"scaleIn": "Any"}, 3, (0, 0, 0), False),
        ({"scaleIn": "IdleFirst"}, 1, (0,), False),
        ({"scaleIn": "IdleFirst"}, 2, (4, 4), False),
        ({"scaleIn": "IdleFirst"}, 2, (3, 4), True),
        ({"scaleIn": "IdleFirst", "minReplicas": 2}, 2, (0, 0), False),
        ({"scaleIn": "IdleFirst", "mode": "None"}, 2, (9, 9), True),
    ],
)
def test_a_scale_in_is_near_when_fewer_pods_would_do(
    pools: Any, scaling: Any, replicas: int, in_flight: tuple[int, ...], near: bool
) -> None:
    pool = pools(**scaling)
    assert is_scale_in_near(pool, _observed(pool, replicas, *in_flight)) is near
