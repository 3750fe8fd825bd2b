from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.api.conditions import Accepted
from graphwarden.api.fleet import Fleet, Policy, make_fleet, make_pool_spec
from graphwarden.api.graphpool import GraphPool, GraphPoolSpec
from graphwarden.api.graphspec import GraphSpec

LOCAL = Policy(image_required=False)
START = datetime(2026, 1, 1, tzinfo=UTC)


def graph(name: str, *, age_days: int = 0, namespace: str = "sales", **spec: Any) -> GraphSpec:
    body = {"assistantID": name.replace("-", "_"), "capability": "email", "module": "graphs.x"}
    metadata = {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": START - timedelta(days=age_days),
        "generation": 2,
    }
    return GraphSpec.model_validate({"metadata": metadata, "spec": {**body, **spec}})


def pool(name: str, **spec: Any) -> GraphPool:
    return GraphPool.model_validate(
        {"metadata": {"name": name, "namespace": "sales"}, "spec": spec}
    )


def reason_of(fleet: Fleet, name: str) -> str:
    return fleet.verdicts["sales", name].reason


def test_graphs_of_one_capability_share_a_pool_with_sorted_rows() -> None:
    fleet = make_fleet([graph("b"), graph("a"), graph("c", capability="enrichment")], policy=LOCAL)
    assert list(fleet.pools) == [("sales", "email"), ("sales", "enrichment")]
    rows = fleet.pools["sales", "email"].registry.graphs
    assert [row.assistant_id for row in rows] == ["a", "b"]


def test_the_oldest_graphspec_keeps_an_assistant_id_that_two_want() -> None:
    old = graph("old", age_days=2, assistantID="x")
    new = graph("new", age_days=1, assistantID="x")
    fleet = make_fleet([new, old], policy=LOCAL)
    verdict = fleet.verdicts["sales", "new"]
    assert (verdict.accepted, verdict.reason) == (False, Accepted.ASSISTANT_ID_CONFLICT)
    assert "sales/old" in verdict.message


def test_the_loser_takes_over_when_the_winner_goes() -> None:
    new = graph("new", age_days=1, assistantID="x")
    assert make_fleet([new], policy=LOCAL).verdicts["sales", "new"].accepted


def test_a_suspended_winner_keeps_its_assistant_id() -> None:
    old = graph("old", age_days=2, assistantID="x", suspend=True)
    fleet = make_fleet([old, graph("new", assistantID="x")], policy=LOCAL)
    assert reason_of(fleet, "old") == Accepted.SUSPENDED
    assert reason_of(fleet, "new") == Accepted.ASSISTANT_ID_CONFLICT
    assert not fleet.pools


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12), st.randoms())
def test_the_order_in_which_objects_are_listed_changes_nothing(
    ids: list[str], chance: random.Random
) -> None:
    graphs = [graph(f"g{i}", age_days=i % 3, assistantID=a) for i, a in enumerate(ids)]
    shuffled = list(graphs)
    chance.shuffle(shuffled)
    assert make_fleet(graphs, policy=LOCAL) == make_fleet(shuffled, policy=LOCAL)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12))
def test_every_wanted_assistant_id_has_exactly_one_owner(ids: list[str]) -> None:
    graphs = [graph(f"g{i}", assistantID=a) for i, a in enumerate(ids)]
    rows = [r for p in make_fleet(graphs, policy=LOCAL).pools.values() for r in p.registry.graphs]
    assert sorted(row.assistant_id for row in rows) == sorted(set(ids))


@pytest.mark.parametrize(
    ("module", "allowed"),
    [("graphs.x", True), ("graphs", True), ("graphsevil.x", False), ("os", False)],
)
def test_a_module_outside_the_allowed_prefixes_is_refused(module: str, allowed: bool) -> None:
    policy = Policy(allowed_modules=("graphs.",), image_required=False)
    fleet = make_fleet([graph("a", module=module)], policy=policy)
    assert fleet.verdicts["sales", "a"].accepted is allowed
    assert allowed or reason_of(fleet, "a") == Accepted.MODULE_NOT_ALLOWED


def test_a_pool_without_an_image_is_invalid_in_a_cluster() -> None:
    fleet = make_fleet([graph("a")], [pool("email")])
    assert reason_of(fleet, "a") == Accepted.INVALID_POOL
    assert "worker.image" in fleet.verdicts["sales", "a"].message


def test_an_image_from_another_registry_is_refused() -> None:
    policy = Policy(allowed_registries=("registry.example/",))
    fleet = make_fleet([graph("a")], [pool("email", worker={"image": "evil/x"})], policy=policy)
    assert reason_of(fleet, "a") == Accepted.INVALID_POOL


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "worker", "image": "evil/x"}]},
        {"initContainers": [{"name": "first", "image": "evil/x"}]},
        {"volumes": [{"name": "data", "image": {"reference": "evil/x"}}]},
    ],
)
def test_an_image_in_the_pod_template_must_be_from_an_allowed_registry_too(spec: Any) -> None:
    policy = Policy(allowed_registries=("registry.example/",))
    worker = {"image": "registry.example/x", "podTemplate": {"spec": spec}}
    fleet = make_fleet([graph("a")], [pool("email", worker=worker)], policy=policy)
    assert reason_of(fleet, "a") == Accepted.INVALID_POOL
    assert "evil/x" in fleet.verdicts["sales", "a"].message


def test_settings_that_contradict_each_other_after_merging_name_the_pool() -> None:
    defaults = GraphPoolSpec.model_validate({"worker": {"image": "x"}, "concurrencyPerReplica": 5})
    merged = make_pool_spec(defaults, pool("email", scaling={"maxReplicas": 3}))
    assert (merged.worker.image, merged.concurrency_per_replica) == ("x", 5)
    assert merged.scaling.max_replicas == 3


def test_context_from_a_config_map_is_merged_below_the_spec_itself() -> None:
    spec = graph(
        "a", context={"tone": "formal"}, contextFrom=[{"configMapRef": {"name": "prompts"}}]
    )
    maps = {("sales", "prompts"): {"tone": "warm", "prompt": "Write."}}
    row = make_fleet([spec], (), maps, policy=LOCAL).pools["sales", "email"].registry.graphs[0]
    assert row.context == {"tone": "formal", "prompt": "Write."}


def test_a_missing_config_map_keeps_the_graph_out_and_is_named() -> None:
    spec = graph("a", contextFrom=[{"configMapRef": {"name": "prompts"}}])
    fleet = make_fleet([spec], policy=LOCAL)
    assert reason_of(fleet, "a") == Accepted.CONTEXT_MISSING
    assert "prompts" in fleet.verdicts["sales", "a"].message


def test_an_optional_config_map_may_be_missing() -> None:
    spec = graph("a", contextFrom=[{"configMapRef": {"name": "prompts", "optional": True}}])
    assert make_fleet([spec], policy=LOCAL).verdicts["sales", "a"].accepted


def test_the_row_of_a_precompiled_graph_has_no_builder() -> None:
    rows = make_fleet([graph("a", precompiled=True)], policy=LOCAL).pools
    assert rows["sales", "email"].registry.graphs[0].builder_attr is None


def test_equal_registries_give_equal_text() -> None:
    one = make_fleet([graph("a"), graph("b")], policy=LOCAL).pools["sales", "email"].registry
    two = make_fleet([graph("b"), graph("a")], policy=LOCAL).pools["sales", "email"].registry
    assert one.to_json() == two.to_json()
