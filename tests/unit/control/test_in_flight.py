"""Runs in flight as an external metric: what is counted, what is asked for, what is told."""

from __future__ import annotations

import pytest

from graphwarden.control.in_flight.metric import (
    BadSelector,
    count_runs,
    make_metric_source,
    parse_selector,
    render_values,
)
from graphwarden.control.in_flight.trust import NoFrontProxy, parse_front_proxy

EXPOSITION = """\
# HELP graphwarden_router_in_flight Calls at the pool's workers.
# TYPE graphwarden_router_in_flight gauge
graphwarden_router_in_flight{capability="sales/email"} 3.0
graphwarden_router_in_flight{capability="sales/enrichment"} 0.0
# TYPE graphwarden_router_queue_depth gauge
graphwarden_router_queue_depth{capability="sales/email"} 4.0
graphwarden_router_requests_total{capability="sales/email",outcome="ok"} 99.0
"""


def test_what_waits_counts_as_what_runs() -> None:
    assert count_runs(EXPOSITION) == {("sales", "email"): 7, ("sales", "enrichment"): 0}


def test_a_router_without_pools_counts_nothing() -> None:
    assert not count_runs("")


@pytest.mark.parametrize(
    ("selector", "capabilities"),
    [
        ("capability=email", ["email"]),
        ("capability==email", ["email"]),
        ("capability in (email, discovery)", ["email", "discovery"]),
    ],
)
def test_pools_are_selected_by_their_capability(selector: str, capabilities: list[str]) -> None:
    assert parse_selector(selector) == capabilities


@pytest.mark.parametrize("selector", ["", "capability", "capability=", "app=email", "a=b,c=d"])
def test_another_selector_is_refused_with_what_to_ask_for(selector: str) -> None:
    with pytest.raises(BadSelector, match="capability=<name>"):
        parse_selector(selector)


@pytest.mark.parametrize(
    ("concurrency", "percent", "average"), [(10, 70, "7"), (10, 75, "7500m"), (1, 1, "10m")]
)
def test_the_target_is_a_share_of_what_one_pod_may_run(
    concurrency: int, percent: int, average: str
) -> None:
    source = make_metric_source("email", concurrency, percent)
    assert source["external"]["target"] == {"type": "AverageValue", "averageValue": average}


def test_a_pool_that_no_router_has_seen_has_no_runs() -> None:
    (item,) = render_values({}, "sales", ["email"], 0.0)["items"]
    assert (item["value"], item["timestamp"]) == ("0", "1970-01-01T00:00:00Z")


def test_pools_of_one_name_in_two_namespaces_are_two_pools() -> None:
    counts = {("sales", "email"): 3, ("support", "email"): 5}
    (item,) = render_values(counts, "support", ["email"], 0.0)["items"]
    assert item["value"] == "5"


def test_only_the_front_proxys_certificate_vouches_for_a_user() -> None:
    proxy = parse_front_proxy(
        {"requestheader-client-ca-file": "ca", "requestheader-allowed-names": '["front-proxy"]'}
    )
    assert proxy.knows({"subject": ((("commonName", "front-proxy"),),)})
    assert not proxy.knows({"subject": ((("commonName", "kubelet"),),)})
    assert not proxy.knows(None)


def test_a_cluster_without_an_aggregation_layer_is_told_apart() -> None:
    with pytest.raises(NoFrontProxy):
        parse_front_proxy({})
