"""Reading a GraphPool."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from graphwarden.api.graphpool import GraphPool, GraphPoolSpec


def test_null_is_a_group_of_settings_without_any() -> None:
    body = {"spec": {"scaling": None, "admission": {"breaker": None}, "paused": True}}
    pool = GraphPool.model_validate(body)
    assert pool.spec.scaling.max_replicas == 10
    assert pool.spec.admission.breaker.consecutive_failures == 5
    assert pool.spec.paused
    assert GraphPool.model_validate({"spec": None}).spec == GraphPoolSpec()


@pytest.mark.parametrize(
    ("resources", "place"),
    [
        ({"requests": {"cpu": "much"}}, "requests.cpu: 'much'"),
        ({"limits": {"memory": "1GB"}}, "limits.memory: '1GB'"),
        ({"limits": {"memory": None}}, "limits.memory: None"),
    ],
)
def test_a_request_that_is_no_quantity_is_refused_by_its_name(
    resources: dict[str, object], place: str
) -> None:
    with pytest.raises(ValidationError, match=f"{place} is not a quantity; write for example 250m"):
        GraphPoolSpec.model_validate({"worker": {"resources": resources}})


def test_resources_of_another_shape_are_left_to_the_api_server() -> None:
    resources = {"requests": "1", "claims": []}
    spec = GraphPoolSpec.model_validate({"worker": {"resources": resources}})
    assert spec.worker.resources == resources


def test_more_unavailable_pods_than_the_api_server_can_count_are_refused_by_name() -> None:
    with pytest.raises(ValidationError, match=r"maxUnavailable.*\n.*at most 2147483647"):
        GraphPoolSpec.model_validate({"disruption": {"maxUnavailable": 2**31}})
    for value in (2**31 - 1, "50%"):
        spec = GraphPoolSpec.model_validate({"disruption": {"maxUnavailable": value}})
        assert spec.disruption.max_unavailable == value
