"""A route table as an Envoy configuration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphwarden.api import names
from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable
from graphwarden.twin.render import Place, render

PLACE = Place("/etc/envoy", port=8123)
POOL = PoolRoute(endpoints=["10.0.0.1:8000", "[fd00::1]:8000"], concurrency_per_replica=4)


def make_table(pool: PoolRoute = POOL, **route: Any) -> RouteTable:
    graph = AssistantRoute(pool="sales/email", **route)
    return RouteTable(generation=7, pools={"sales/email": pool}, assistants={"mail": graph})


def find(table: RouteTable, name: str) -> dict[str, Any]:
    """The only resource of a file."""
    response = render(table, PLACE)[name]
    assert len(response["resources"]) == 1
    found: dict[str, Any] = response["resources"][0]
    return found


def find_routes(table: RouteTable, assistant: str) -> list[dict[str, Any]]:
    """The routes of a call that names the assistant; those of all others for one unknown."""
    matcher = find(table, "routes.json")["virtual_hosts"][0]["matcher"]
    known = matcher.get("matcher_tree", {"exact_match_map": {"map": {}}})["exact_match_map"]["map"]
    action = known.get(assistant, matcher["on_no_match"])["action"]
    found: list[dict[str, Any]] = action["typed_config"]["routes"]
    return found


def test_what_is_named_is_written_before_what_names_it() -> None:
    assert list(render(make_table(), PLACE)) == [
        "endpoints-sales_email.json",
        "clusters.json",
        "routes.json",
        "listeners.json",
        "bootstrap.json",
    ]


def test_a_configuration_has_the_generation_of_its_table() -> None:
    files = render(make_table(), PLACE)
    assert {files[name]["version_info"] for name in files if name != "bootstrap.json"} == {"7"}


def test_workers_are_endpoints_also_with_ipv6() -> None:
    found = find(make_table(), "endpoints-sales_email.json")["endpoints"][0]["lb_endpoints"]
    sockets = [one["endpoint"]["address"]["socket_address"] for one in found]
    assert sockets == [
        {"address": "10.0.0.1", "port_value": 8000},
        {"address": "fd00::1", "port_value": 8000},
    ]


def test_the_limit_in_flight_is_that_of_all_workers_and_the_rest_waits() -> None:
    (limits,) = find(make_table(), "clusters.json")["circuit_breakers"]["thresholds"]
    assert limits["max_connections"] == limits["max_requests"] == 8
    assert limits["max_pending_requests"] == POOL.max_queued


def test_a_pool_without_workers_has_limits_that_envoy_takes() -> None:
    empty = POOL.model_copy(update={"endpoints": []})
    (limits,) = find(make_table(empty), "clusters.json")["circuit_breakers"]["thresholds"]
    assert limits["max_connections"] == 1


def test_only_lost_calls_put_a_worker_out() -> None:
    found = find(make_table(), "clusters.json")["outlier_detection"]
    assert found["enforcing_consecutive_5xx"] == 0
    assert found["consecutive_local_origin_failure"] == POOL.breaker_failures
    assert found["base_ejection_time"] == "15s"


def test_a_graph_is_found_by_its_name_and_by_the_id_of_its_assistant() -> None:
    by_name = find_routes(make_table(), "mail")
    assert by_name[0]["route"]["cluster"] == "sales_email"
    assert find_routes(make_table(), names.assistant_uuid("mail")) == by_name


@pytest.mark.parametrize(("own", "expected"), [(900, "930s"), (1, "300s"), (0.5, "300s")])
def test_a_run_has_the_timeout_that_the_router_would_give(own: float, expected: str) -> None:
    run, _ = find_routes(make_table(timeout_seconds=own), "mail")
    assert run["match"] == {"prefix": "/runs"}
    assert run["route"]["timeout"] == expected


def test_a_run_on_a_thread_may_wait_for_others_and_silence_ends_nothing() -> None:
    routes = find_routes(make_table(), "mail")
    assert routes[-1]["route"]["timeout"] == "0s"
    assert {route["route"]["idle_timeout"] for route in routes} == {"0s"}


def test_only_what_did_not_start_is_sent_again() -> None:
    policy = find(make_table(), "routes.json")["virtual_hosts"][0]["retry_policy"]
    assert policy["retry_on"] == "connect-failure,retriable-headers"
    assert policy["retriable_headers"][0]["name"] == "x-graphwarden-not-started"
    never, _ = find_routes(make_table(retry="Never"), "mail")
    assert never["route"]["retry_policy"] == {"num_retries": 0}


def test_a_suspended_graph_is_refused() -> None:
    (route,) = find_routes(make_table(suspended=True, message="on holiday"), "mail")
    assert route["direct_response"]["status"] == 503
    said = json.loads(route["direct_response"]["body"]["inline_string"])
    assert said["reason"] == "GraphSuspended"
    assert "on holiday" in said["detail"]


def test_a_graph_whose_pool_is_missing_is_refused_and_not_rejected_with_the_rest() -> None:
    lost = RouteTable(assistants={"mail": AssistantRoute(pool="nowhere")})
    (route,) = find_routes(lost, "mail")
    assert route["direct_response"]["status"] == 503


def test_a_run_of_no_graph_of_the_fleet_is_a_422() -> None:
    statuses = [
        route["direct_response"]["status"]
        for route in find_routes(make_table(), "other")
        if "safe_regex" in route["match"]
    ]
    assert statuses == [422]


def test_threads_go_to_a_pool_with_storage_that_has_workers() -> None:
    pools = {
        "a": PoolRoute(has_storage=True),
        "b": PoolRoute(endpoints=["10.0.0.1:1"]),
        "c": PoolRoute(has_storage=True, endpoints=["10.0.0.2:1"]),
    }
    assert find_routes(RouteTable(pools=pools), "")[-1]["route"]["cluster"] == "c"


def test_no_answer_of_envoys_own_is_longer_than_it_may_be() -> None:
    graphs = {f"graph_{n}": AssistantRoute(pool="sales/email") for n in range(1000)}
    table = RouteTable(pools={"sales/email": POOL}, assistants=graphs)
    for route in find_routes(table, "other"):
        text = route.get("direct_response", {}).get("body", {}).get("inline_string", "")
        assert len(text) < 4096


def test_a_call_that_names_its_graph_in_the_header_is_not_kept_to_be_read() -> None:
    manager = find(make_table(), "listeners.json")["filter_chains"][0]["filters"][0]["typed_config"]
    *reading, last = manager["http_filters"]
    for one in reading:
        matchers = one["typed_config"]["xds_matcher"]["matcher_list"]["matchers"]
        named = matchers[0]["predicate"]["single_predicate"]["input"]["typed_config"]
        assert named["header_name"] == "x-assistant-id"
        assert matchers[0]["on_match"]["action"]["name"] == "skip"
    assert last["name"] == "envoy.filters.http.router"


def test_the_admin_interface_is_there_only_when_asked_for() -> None:
    assert "admin" not in render(make_table(), PLACE)["bootstrap.json"]
    with_admin = render(make_table(), Place("/etc/envoy", admin_port=9901))["bootstrap.json"]
    assert with_admin["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"
