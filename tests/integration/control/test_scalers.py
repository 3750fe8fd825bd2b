"""From one scaler to another against a real API server, with a ScaledObject that keeps anything."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": _ANYTHING, "status": _ANYTHING},
                    }
                },
            }
        ],
    },
}
NAME = "graphpool-email"


@pytest.fixture
def keda(api: Any, eventually: Any) -> None:
    api.apply(CRD)
    eventually(lambda: api.try_list("ScaledObject").is_success)


@pytest.fixture
def with_keda(program: Any, keda: None) -> Any:
    with program.running(GRAPHWARDEN_KEDA_URL="http://127.0.0.1:1/in-flight"):
        yield program


def _scalers(api: Any) -> set[str]:
    kinds = ("HorizontalPodAutoscaler", "ScaledObject")
    return {kind for kind in kinds if api.find(kind, NAME)}


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (("HPA", "KEDA"), {"ScaledObject"}),
        (("KEDA", "HPA"), {"HorizontalPodAutoscaler"}),
        (("KEDA", "None"), set()),
    ],
)
def test_the_mode_that_was_chosen_last_has_the_only_scaler(
    api: Any,
    with_keda: Any,
    make_graph: Any,
    make_graphpool: Any,
    eventually: Any,
    modes: tuple[str, str],
    expected: set[str],
) -> None:
    first = {"HPA": "HorizontalPodAutoscaler", "KEDA": "ScaledObject"}[modes[0]]
    api.apply(make_graphpool(scaling={"mode": modes[0]}))
    api.apply(make_graph("a"))
    eventually(lambda: _scalers(api) == {first})
    api.apply(make_graphpool(scaling={"mode": modes[1]}))
    eventually(lambda: _scalers(api) == expected)


def test_replicas_stay_when_keda_takes_over(
    api: Any, with_keda: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(scaling={"mode": "None"}, replicas=3))
    api.apply(make_graph("a"))
    eventually(lambda: api.find("Deployment", NAME))
    api.apply(make_graphpool(scaling={"mode": "KEDA"}))
    eventually(lambda: _scalers(api) == {"ScaledObject"})
    assert api.get("Deployment", NAME)["spec"]["replicas"] == 3


def test_what_keda_says_is_the_pools_condition(
    api: Any, with_keda: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(scaling={"mode": "KEDA"}))
    api.apply(make_graph("a"))
    eventually(lambda: api.find("ScaledObject", NAME))
    said = {"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": "m"}
    api.patch("ScaledObject", NAME, {"status": {"conditions": [said]}}, subresource="/status")

    def condition() -> Any:
        conditions = api.get("GraphPool", "email").get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == "ScalingActive"), {})

    eventually(lambda: condition().get("reason") == "ScaledObjectCheckFailed")


def test_without_keda_the_condition_says_what_to_do(
    api: Any, operator: Any, make_graph: Any, make_graphpool: Any, eventually: Any
) -> None:
    api.apply(make_graphpool(scaling={"mode": "KEDA"}))
    api.apply(make_graph("a"))

    def reasons() -> list[str]:
        conditions = api.get("GraphPool", "email").get("status", {}).get("conditions", [])
        return [c["reason"] for c in conditions]

    eventually(lambda: "KEDANotEnabled" in reasons())
