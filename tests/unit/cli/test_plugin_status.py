from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from rich.console import Console

from graphwarden.api.table import PoolRoute, RouteTable
from graphwarden.cli.plugin.board import make_status_table
from graphwarden.cli.plugin.cluster import Cluster, PluginError
from graphwarden.cli.plugin.draining import plan_drain, plan_undo
from graphwarden.cli.plugin.gauges import Gauges, RouterView, add_gauges, parse_gauges
from graphwarden.cli.plugin.rollout import judge_drain, judge_rollout, make_restart
from graphwarden.cli.plugin.router import RouterAccess, find_router_namespace, open_router
from graphwarden.cli.plugin.status import PoolLine, Snapshot, make_pool_lines

METRICS = """\
# TYPE graphwarden_router_in_flight gauge
graphwarden_router_in_flight{capability="sales/email"} 3.0
graphwarden_router_in_flight{capability="sales/crm"} 0.0
# TYPE graphwarden_router_queue_depth gauge
graphwarden_router_queue_depth{capability="sales/email"} 7.0
# TYPE graphwarden_router_table_generation gauge
graphwarden_router_table_generation 4.0
"""
LABELS = {"graphwarden.dev/pool": "email"}


def graph(name: str, *, ready: bool = True, **spec: Any) -> dict[str, Any]:
    status = "True" if ready else "False"
    told = [
        {"type": kind, "status": status, "reason": "ImportError", "message": "no jinja3"}
        for kind in ("Loaded", "Ready")
    ]
    return {
        "kind": "GraphSpec",
        "metadata": {"namespace": "sales", "name": name},
        "spec": {"assistantID": name, "capability": "email", **spec},
        "status": {"conditions": told},
    }


def deployment(wanted: int = 2, generation: int = 1, **status: Any) -> dict[str, Any]:
    meta = {"namespace": "sales", "name": "graphpool-email", "labels": LABELS}
    return {
        "metadata": {**meta, "generation": generation},
        "spec": {"replicas": wanted},
        "status": status,
    }


def pod(name: str, *, ready: bool = True) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    meta = {"namespace": "sales", "name": name, "labels": LABELS}
    return {"metadata": meta, "status": {"conditions": conditions}}


def make_line(snapshot: Snapshot, table: RouteTable | None = None, **view: Any) -> PoolLine:
    (line,) = make_pool_lines(snapshot, table or RouteTable(), RouterView(**view))
    return line


def test_a_pool_counts_its_pods_its_graphs_and_its_calls() -> None:
    route = PoolRoute(endpoints=["10.0.0.1:8000", "10.0.0.2:8000"])
    line = make_line(
        Snapshot(
            graphs=[graph("a"), graph("b", ready=False)],
            deployments=[deployment(2)],
            pods=[pod("x"), pod("y", ready=False)],
        ),
        RouteTable(pools={"sales/email": route}),
        pools={"sales/email": Gauges(3, 7)},
    )
    assert (line.ready, line.wanted, line.loaded, line.graphs) == (1, 2, 1, 2)
    assert (line.in_flight, line.limit, line.queued, line.max_queued) == (3, 20, 7, 200)
    assert line.errors == ["b: ImportError: no jinja3"]


def test_each_router_has_a_queue_of_its_own() -> None:
    table = RouteTable(pools={"sales/email": PoolRoute(max_queued=200)})
    line = make_line(Snapshot(graphs=[graph("a")]), table, routers=2)
    assert line.max_queued == 400


def test_a_router_that_does_not_tell_leaves_figures_open() -> None:
    line = make_line(Snapshot(graphs=[graph("a")]), silence="no answer")
    assert (line.in_flight, line.queued) == (None, None)


def test_a_pool_that_no_router_has_seen_has_no_calls() -> None:
    line = make_line(Snapshot(graphs=[graph("a")]))
    assert (line.in_flight, line.queued) == (0, 0)


def test_without_sight_of_pods_the_deployments_count_is_shown() -> None:
    snapshot = Snapshot(graphs=[graph("a")], deployments=[deployment(3, readyReplicas=2)])
    assert make_line(snapshot).ready == 2


def test_the_bounds_are_the_autoscalers() -> None:
    scaler = {
        "metadata": {"namespace": "sales", "name": "graphpool-email", "labels": LABELS},
        "spec": {"minReplicas": 2, "maxReplicas": 9},
    }
    assert make_line(Snapshot(graphs=[graph("a")], autoscalers=[scaler])).bounds == "2-9"


def test_what_keeps_pods_from_running_is_told_before_what_graphs_say() -> None:
    broken = pod("x", ready=False)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    broken["status"]["containerStatuses"] = [{"state": waiting}]
    line = make_line(Snapshot(graphs=[graph("a", ready=False)], pods=[broken]))
    assert line.errors[0] == "pod x: ImagePullBackOff: no such image"


def test_gauges_are_read_by_pool() -> None:
    assert parse_gauges(METRICS) == {"sales/email": Gauges(3, 7), "sales/crm": Gauges(0, 0)}


def test_a_breaker_is_open_where_any_of_its_gauges_is_set() -> None:
    lines = (
        "# TYPE graphwarden_router_breaker_open gauge",
        'graphwarden_router_breaker_open{capability="p",endpoint="a"} 1',
        'graphwarden_router_breaker_open{capability="p",endpoint="b"} 0',
        'graphwarden_router_breaker_open{capability="q",endpoint="c"} 0',
    )
    found = parse_gauges("\n".join(lines) + "\n")
    assert (found["p"].breaker, found["q"].breaker) == ("open", "closed")


def test_the_figures_of_several_routers_are_added() -> None:
    first = {"p": Gauges(1, 2, "closed"), "q": Gauges(5, 0)}
    assert add_gauges([first, {"p": Gauges(3, 4, "open")}]) == {
        "p": Gauges(4, 6, "open"),
        "q": Gauges(5, 0),
    }


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://graphwarden-router.platform.svc/runs/wait", "platform"),
        ("http://graphwarden-router.platform.svc.cluster.local:80/runs/wait", "platform"),
        ("http://router/runs/wait", None),
        ("", None),
    ],
)
def test_the_routers_namespace_is_in_the_address_that_graphs_have(
    url: str, wanted: str | None
) -> None:
    assert find_router_namespace([{"status": {"url": url}}]) == wanted


def render(lines: list[PoolLine], width: int = 200) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(make_status_table(lines, everywhere=False))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_line_shows_shares_and_counts_further_errors() -> None:
    line = PoolLine(
        "sales", "email", 1, 2, "1-10", 1, 2, 3, 20, None, 200, errors=["a: [x]\ny", "b: z"]
    )
    title, row = render([line])
    assert title.split("  ")[0] == "POOL"
    assert row.split() == (
        "email 1/2 1-10 3/20 ?/200 1/2 a: [x] y (and 1 more)".split()  # noqa: SIM905
    )


def test_the_breaker_has_a_column_only_where_routers_tell_of_it() -> None:
    line = PoolLine("sales", "email", 1, 1, "", 1, 1)
    assert "BREAKER" not in render([line])[0]
    told = PoolLine("sales", "email", 1, 1, "", 1, 1, breaker="open")
    assert "BREAKER" in render([told])[0]


def test_a_drain_suspends_what_runs_and_marks_it() -> None:
    drained = [graph("b", suspend=True), graph("a"), graph("c", capability="crm")]
    (change,) = plan_drain("email", drained)
    assert change.name == "a"
    assert change.patch == {
        "metadata": {"annotations": {"graphwarden.dev/drained-by": "kubectl graphs drain"}},
        "spec": {"suspend": True},
    }


def test_the_end_of_a_drain_brings_back_what_is_marked_and_nothing_else() -> None:
    marked = graph("a", suspend=True)
    marked["metadata"]["annotations"] = {"graphwarden.dev/drained-by": "kubectl graphs drain"}
    (change,) = plan_undo("email", [marked, graph("b", suspend=True)])
    assert (change.name, change.patch["spec"]) == ("a", {"suspend": False})
    assert change.patch["metadata"]["annotations"] == {"graphwarden.dev/drained-by": None}


def _counts(replicas: int, updated: int, available: int, seen: int = 1) -> dict[str, Any]:
    return {
        "replicas": replicas,
        "updatedReplicas": updated,
        "availableReplicas": available,
        "observedGeneration": seen,
    }


@pytest.mark.parametrize(
    ("status", "words", "done"),
    [
        (_counts(2, 2, 2, seen=0), "the cluster has not begun yet", False),
        (_counts(3, 1, 2), "1 of 2 replaced, 2 ready, 2 old ones to leave", False),
        (_counts(3, 2, 2), "2 of 2 replaced, 2 ready, 1 old ones to leave", False),
        (_counts(2, 2, 2), "2 of 2 replaced and ready", True),
    ],
)
def test_a_rollout_is_done_when_only_new_pods_are_left(
    status: dict[str, Any], words: str, done: bool
) -> None:
    progress = judge_rollout(deployment(2, **status))
    assert (progress.words, progress.done, progress.failed) == (words, done, False)


def test_a_rollout_that_is_stuck_fails_with_the_pods_reason() -> None:
    broken = pod("x", ready=False)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    broken["status"]["containerStatuses"] = [{"state": waiting}]
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    progress = judge_rollout(deployment(2, **_counts(3, 1, 2), conditions=[stuck]), [broken])
    assert progress.failed
    assert progress.words.endswith("ImagePullBackOff: no such image")


def test_a_drain_is_done_when_no_pod_is_left() -> None:
    leaving = pod("x")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    progress = judge_drain([leaving, pod("y")])
    assert (progress.done, progress.words[:11]) == (False, "2 pods left")
    assert judge_drain([]).done


def test_a_restart_changes_the_template_as_kubectl_does() -> None:
    patch = make_restart(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    annotations = patch["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05+00:00"}


@pytest.mark.parametrize("url", ["localhost:8123", "ftp://router", "http://", "http://a:x"])
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with httpx.Client() as http:
        router = open_router(Cluster(http, "sales"), RouterAccess(url=url))
        with pytest.raises(PluginError, match="--url") as caught, router:
            pass
    assert caught.value.exit_code == 2


def test_a_key_goes_as_a_token_too_where_no_api_server_takes_it_away() -> None:
    assert RouterAccess(api_key="k").headers == {"x-api-key": "k"}
    direct = RouterAccess(url="http://router", api_key="k").headers
    assert direct["authorization"] == "Bearer k"
