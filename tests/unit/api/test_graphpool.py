"""Reading a GraphPool."""

from __future__ import annotations

from graphwarden.api.graphpool import GraphPool, GraphPoolSpec


def test_null_is_a_group_of_settings_without_any() -> None:
    body = {"spec": {"scaling": None, "admission": {"breaker": None}, "paused": True}}
    pool = GraphPool.model_validate(body)
    assert pool.spec.scaling.max_replicas == 10
    assert pool.spec.admission.breaker.consecutive_failures == 5
    assert pool.spec.paused
    assert GraphPool.model_validate({"spec": None}).spec == GraphPoolSpec()
