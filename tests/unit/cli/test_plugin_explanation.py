from __future__ import annotations

from typing import Any

import pytest

from graphwarden.api.names import assistant_uuid
from graphwarden.cli.plugin.explanation import Explanation, explain
from graphwarden.cli.plugin.gauges import Gauges, RouterView
from graphwarden.router.objects import make_route_table

POOL = "sales/email"


def graph(
    name: str = "a",
    accepted: tuple[str, str] = ("True", "Accepted"),
    ready: tuple[str, str] = ("True", "Ready"),
    created: str = "2026-01-01T00:00:00Z",
    **spec: Any,
) -> dict[str, Any]:
    told = {"Accepted": accepted, "Loaded": ready, "Ready": ready}
    is_accepted = accepted[0] == "True"
    return {
        "kind": "GraphSpec",
        "metadata": {"namespace": "sales", "name": name, "creationTimestamp": created},
        "spec": {"assistantID": "mail", "capability": "email", "module": "m", **spec},
        "status": {
            "pool": "email" if is_accepted else "",
            "loaded": "1/1",
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": "said so",
                    "observedGeneration": 1,
                }
                for kind, (status, reason) in told.items()
            ],
        },
    }


def slices(count: int) -> list[dict[str, Any]]:
    labels = {"graphwarden.dev/pool": "email"}
    ends = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": True}} for n in range(count)]
    meta = {"namespace": "sales", "name": "s", "labels": labels}
    return [{"metadata": meta, "endpoints": ends, "ports": [{"port": 8000}]}]


def see(
    *graphs: dict[str, Any], pods: int = 1, gauges: Gauges | None = None, assistant: str = "mail"
) -> Explanation:
    table = make_route_table(graphs, [], slices(pods), generation=0)
    return explain(assistant, graphs, table, RouterView({POOL: gauges} if gauges else {}))


@pytest.mark.parametrize(
    ("body", "pods", "gauges", "wanted"),
    [
        (graph(), 1, Gauges(3, 0), ("sent", 200, "")),
        (graph(), 1, None, ("sent", 200, "")),
        (graph(), 1, Gauges(10, 0), ("held", 429, "QueueFull")),
        (graph(), 1, Gauges(10, 200), ("refused", 429, "QueueFull")),
        (graph(ready=("False", "PoolUnavailable")), 0, None, ("held", 503, "PoolUnavailable")),
        (graph(ready=("True", "ScaledToZero")), 0, None, ("held", 503, "PoolUnavailable")),
        (graph(ready=("False", "Pending")), 1, None, ("held", 503, "GraphNotLoaded")),
        (graph(ready=("False", "ImportError")), 1, None, ("refused", 503, "GraphNotReady")),
        (graph(accepted=("False", "Suspended")), 1, None, ("refused", 503, "GraphSuspended")),
        (
            graph(accepted=("False", "ModuleNotAllowed")),
            1,
            None,
            ("refused", 422, "UnknownAssistant"),
        ),
    ],
)
def test_the_fate_of_a_call_is_what_the_router_would_decide(
    body: dict[str, Any], pods: int, gauges: Gauges | None, wanted: tuple[str, int, str]
) -> None:
    found = see(body, pods=pods, gauges=gauges)
    assert (found.outcome, found.status, found.reason) == wanted


def test_of_two_claims_the_older_wins_and_both_are_told() -> None:
    loser = graph("b", accepted=("False", "AssistantIDConflict"), created="2026-02-01T00:00:00Z")
    found = see(loser, graph())
    assert list(found.facts)[:2] == ["GraphSpec sales/a", "GraphSpec sales/b"]
    assert (
        "it wins over sales/b, being the older one (2026-01-01" in found.facts["GraphSpec sales/a"]
    )
    assert "not accepted: AssistantIDConflict" in found.facts["GraphSpec sales/b"]


@pytest.mark.parametrize("assistant", ["mail", "a", assistant_uuid("mail").upper()])
def test_an_assistant_is_found_by_its_id_its_uuid_or_its_graphspec(assistant: str) -> None:
    found = see(graph(), assistant=assistant)
    assert (found.assistant, found.outcome) == ("mail", "sent")


def test_of_an_unknown_assistant_the_known_ones_are_told() -> None:
    found = see(graph(), assistant="nobody")
    assert (found.outcome, found.status) == ("refused", 422)
    assert found.why.endswith("accepted here: mail")


def test_a_graph_that_the_operator_has_not_seen_is_told_as_such() -> None:
    body = graph()
    del body["status"]
    found = see(body)
    assert found.facts == {"GraphSpec sales/a": "not looked at by the operator yet"}
    assert found.outcome == "refused"


def test_a_graph_that_moves_is_told_with_both_pools() -> None:
    body = graph(capability="crm")
    found = see(body)
    assert found.facts[f"Pool {POOL}"].endswith("it moves to crm")


def test_without_the_routers_figures_the_limits_are_told() -> None:
    assert "cannot be had; 10 places, 200 may wait" in see(graph()).facts["Queue"]


def test_an_open_breaker_is_told() -> None:
    assert "Breaker" in see(graph(), gauges=Gauges(0, 0, "open")).facts
