"""The NetworkPolicy of a pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from graphwarden.control.desired.network import make_network_policy

Spec = Callable[..., Any]
ANYWHERE = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}},
    {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::254/128"]}},
    {"namespaceSelector": {}},
]


@pytest.fixture
def spec_of(make_graph: Any, make_graphpool: Any, pool_of: Any) -> Spec:
    def make(namespace: str = "", **spec: Any) -> Any:
        pool = pool_of(make_graph("email-reply"), make_graphpool(**spec))
        policy = make_network_policy(replace(pool, router_namespace=namespace))
        return policy and policy["spec"]

    return make


def test_only_router_and_operator_reach_the_pool_and_it_reaches_only_dns(spec_of: Spec) -> None:
    assert spec_of() == {
        "podSelector": {"matchLabels": {"graphwarden.dev/pool": "email"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"app.kubernetes.io/name": app}}}
                    for app in ("graphwarden-router", "graphwarden-operator")
                ],
                "ports": [{"protocol": "TCP", "port": 8000}],
            }
        ],
        "egress": [
            {
                "to": [
                    {
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
                        }
                    }
                ],
                "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
            }
        ],
    }


def test_a_router_of_another_namespace_is_known_by_it(spec_of: Spec) -> None:
    place = {"matchLabels": {"kubernetes.io/metadata.name": "system"}}
    peers = spec_of("system")["ingress"][0]["from"]
    assert [peer["namespaceSelector"] for peer in peers] == [place, place]


def test_a_pool_with_a_database_reaches_postgresql_but_no_metadata_address(spec_of: Spec) -> None:
    rule = spec_of(storage={"secretRef": {"name": "db"}})["egress"][1]
    assert rule == {"to": ANYWHERE, "ports": [{"protocol": "TCP", "port": 5432}]}


def test_a_pool_that_asks_for_no_isolation_has_no_policy(spec_of: Spec) -> None:
    assert spec_of(network={"isolation": "None"}) is None


def test_further_ingress_is_added(spec_of: Spec) -> None:
    rule = {"from": [{"namespaceSelector": {}}]}
    assert spec_of(network={"ingress": [rule]})["ingress"][1] == rule


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, {"to": ANYWHERE}),
        ({"to": []}, {"to": ANYWHERE}),
        (
            {"to": [{"ipBlock": {"cidr": "169.254.0.0/16", "except": ["169.254.1.0/24"]}}]},
            {
                "to": [
                    {
                        "ipBlock": {
                            "cidr": "169.254.0.0/16",
                            "except": ["169.254.1.0/24", "169.254.169.254/32"],
                        }
                    }
                ]
            },
        ),
        ({"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}, None),
        (
            {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
            {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        ),
        ({"to": [{"ipBlock": {"cidr": "wrong"}}]}, {"to": [{"ipBlock": {"cidr": "wrong"}}]}),
        ({"to": 5}, {"to": 5}),
        ({"to": {"ipBlock": {"cidr": "0.0.0.0/0"}}}, {"to": {"ipBlock": {"cidr": "0.0.0.0/0"}}}),
        (
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": 7}}]},
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": 7}}]},
        ),
    ],
)
def test_what_the_pool_names_is_added_without_metadata_addresses(
    spec_of: Spec, rule: Any, expected: Any
) -> None:
    egress = spec_of(network={"egress": [rule]})["egress"][1:]
    assert egress == ([] if expected is None else [expected])
