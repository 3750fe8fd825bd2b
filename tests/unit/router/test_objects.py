from __future__ import annotations

from typing import Any

import pytest

from graphwarden.api.table import RouteTable
from graphwarden.router.objects import make_route_table

META = {"namespace": "sales", "name": "a", "generation": 2}


def graph(*conditions: tuple[str, str, str], generation: int = 2, **spec: Any) -> dict[str, Any]:
    body = {"assistantID": "a", "capability": "email", "module": "graphs.x", **spec}
    found = [
        {"type": t, "status": s, "reason": r, "message": "m", "observedGeneration": generation}
        for t, s, r in conditions
    ]
    return {"metadata": META, "spec": body, "status": {"conditions": found}}


def slice_of(*endpoints: tuple[str, bool | None], label: str = "email") -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "sales",
            "name": "s",
            "labels": {"graphwarden.dev/pool": label},
        },
        "ports": [{"name": "http", "port": 8000}],
        "endpoints": [{"addresses": [a], "conditions": {"ready": r}} for a, r in endpoints],
    }


def table(*graphs: dict[str, Any], slices: tuple[dict[str, Any], ...] = ()) -> RouteTable:
    return make_route_table(graphs, (), slices, 7)


READY = (("Accepted", "True", "Accepted"), ("Loaded", "True", "Loaded"), ("Ready", "True", "Ready"))


def test_an_accepted_graph_is_routed_to_its_pool_in_its_namespace() -> None:
    found = table(graph(*READY), slices=(slice_of(("10.0.0.1", True)),))
    assert found.assistants["a"].pool == "sales/email"
    assert found.assistants["a"].ready
    assert found.pools["sales/email"].endpoints == ["10.0.0.1:8000"]


@pytest.mark.parametrize(
    "spec",
    [graph(), graph(("Accepted", "False", "AssistantIDConflict")), {"metadata": META, "spec": {}}],
)
def test_a_graph_that_is_not_accepted_or_not_readable_is_left_out(spec: dict[str, Any]) -> None:
    assert table(spec).assistants == {}


def test_a_suspended_graph_is_kept_so_that_callers_learn_why() -> None:
    route = table(graph(("Accepted", "False", "Suspended"))).assistants["a"]
    assert (route.suspended, route.ready, route.reason) == (True, False, "Suspended")


def test_a_graph_that_does_not_load_says_why() -> None:
    spec = graph(
        ("Accepted", "True", "Accepted"),
        ("Loaded", "False", "ImportError"),
        ("Ready", "False", "ImportError"),
    )
    assert table(spec).assistants["a"].reason == "ImportError"


def test_what_is_said_of_an_older_generation_keeps_nobody_away() -> None:
    spec = graph(("Accepted", "True", "Accepted"), ("Loaded", "False", "ImportError"), generation=1)
    assert table(spec).assistants["a"].reason == "Pending"


def test_only_ready_endpoints_are_used_and_an_unknown_state_counts_as_ready() -> None:
    ends = (("10.0.0.1", True), ("10.0.0.2", False), ("10.0.0.3", None), ("fd00::1", True))
    found = table(graph(*READY), slices=(slice_of(*ends),)).pools["sales/email"]
    assert found.endpoints == ["10.0.0.1:8000", "10.0.0.3:8000", "[fd00::1]:8000"]


def test_a_graph_on_the_move_stays_with_the_pool_that_the_operator_named() -> None:
    spec = graph(*READY, capability="discovery")
    spec["status"]["pool"] = "email"
    assert table(spec).assistants["a"].pool == "sales/email"


def test_the_settings_of_a_graphpool_reach_the_route() -> None:
    pool = {
        "metadata": {"namespace": "sales", "name": "email"},
        "spec": {"concurrencyPerReplica": 3, "admission": {"maxQueued": 9, "maxWait": "2m"}},
    }
    found = make_route_table([graph(*READY)], [pool], [], 1).pools["sales/email"]
    assert (found.concurrency_per_replica, found.max_queued, found.max_wait_seconds) == (3, 9, 120)


@pytest.mark.parametrize("resumable", [True, False])
def test_a_pool_has_storage_when_one_of_its_graphs_is_resumable(resumable: bool) -> None:
    found = table(graph(*READY, resumable=resumable))
    assert found.pools["sales/email"].has_storage is resumable


def test_a_pool_with_a_database_has_storage_whatever_its_graphs_need() -> None:
    pool = {
        "metadata": {"namespace": "sales", "name": "email"},
        "spec": {"storage": {"secretRef": {"name": "fleet-database"}}},
    }
    found = make_route_table([graph(*READY)], [pool], [], 1)
    assert found.pools["sales/email"].has_storage
