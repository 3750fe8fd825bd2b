"""The shape of a podTemplate."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from graphwarden.api.graphpool import GraphPool


def _read(template: dict[str, Any]) -> dict[str, Any]:
    pool = GraphPool.model_validate({"spec": {"worker": {"podTemplate": template}}})
    return pool.spec.worker.pod_template


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"metadata": "text"}, "podTemplate.metadata must be an object"),
        ({"metadata": {"labels": "text"}}, "podTemplate.metadata.labels must be an object"),
        ({"spec": []}, "podTemplate.spec must be an object"),
        ({"spec": {"containers": "none"}}, "podTemplate.spec.containers must be a list"),
        ({"spec": {"containers": ["text"]}}, r"podTemplate.spec.containers\[0\] needs a name"),
        ({"spec": {"containers": [{"image": "i"}]}}, "that of the operator's own is worker"),
    ],
)
def test_a_template_of_another_shape_is_not_valid_and_says_where(
    template: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        _read(template)


@pytest.mark.parametrize(
    "template",
    [
        {"metadata": None},
        {"spec": None},
        {"metadata": {"labels": None}},
        {"spec": {"containers": None}},
    ],
)
def test_null_takes_nothing_away_that_every_pod_needs(template: dict[str, Any]) -> None:
    assert "None" not in str(_read(template))


def test_null_takes_away_what_a_pod_may_be_without() -> None:
    template = {"spec": {"shareProcessNamespace": None}}
    assert _read(template) == template
