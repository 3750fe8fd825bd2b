"""What the operator says of graphs and pools."""

from __future__ import annotations

from typing import Any

import pytest

from graphwarden.api.fleet import Policy
from graphwarden.control.events import make_events
from graphwarden.control.observed import LoadRow, LoadTable, Observed, PodView, parse_pods
from graphwarden.control.pool_status import make_pool_status
from graphwarden.control.status import Load, is_written, make_graph_status, make_load

NOON = "2026-01-01T12:00:00Z"
KEY = ("sales", "email-reply")


def _pod(name: str, *, ready: bool = True, running: bool = True) -> PodView:
    return PodView(name, "10.0.0.1", running=running, ready=ready, registry_revision="r")


def _table(
    *, loaded: bool = True, reason: str | None = None, generation: int = 3, message: str = ""
) -> LoadTable:
    row = LoadRow(
        assistant_id="email_reply",
        generation=generation,
        loaded=loaded,
        reason=reason,
        message=message,
    )
    return LoadTable(graphs=[row])


def _status(world: Any, load: Load, now: str = NOON) -> dict[str, Any]:
    pool = world.fleet.pools.get(("sales", "email"))
    body, verdict = world.graphs[KEY], world.verdict(KEY)
    return make_graph_status(body, verdict, load, pool, url="http://r/runs/wait", now=now)


def _conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


BROKEN = _table(loaded=False, reason="ImportError", message="No module named 'x'")


@pytest.mark.parametrize(
    ("pods", "tables", "loaded", "ready", "count"),
    [
        ([], {}, ("False", "Pending"), ("False", "PoolUnavailable"), "0/0"),
        ([_pod("a")], {"a": _table()}, ("True", "Loaded"), ("True", "Ready"), "1/1"),
        ([_pod("a")], {}, ("False", "Pending"), ("False", "Pending"), "0/1"),
        (
            [_pod("a"), _pod("b")],
            {"a": _table(), "b": BROKEN},
            ("False", "PartiallyLoaded"),
            ("True", "Ready"),
            "1/2",
        ),
        (
            [_pod("a", ready=False)],
            {"a": BROKEN},
            ("False", "ImportError"),
            ("False", "ImportError"),
            "0/0",
        ),
        # An older generation goes on serving until the new one is built.
        (
            [_pod("a")],
            {"a": _table(generation=2)},
            ("False", "Pending"),
            ("True", "Ready"),
            "0/1",
        ),
        (
            [_pod("a")],
            {"a": _table(loaded=False, reason="Pending")},
            ("False", "Pending"),
            ("False", "Pending"),
            "0/1",
        ),
    ],
)
def test_loaded_and_ready_follow_the_load_tables(
    make_graph: Any, world_of: Any, pods: Any, tables: Any, loaded: Any, ready: Any, count: str
) -> None:
    world = world_of(make_graph("email-reply"))
    row = world.fleet.pools["sales", "email"].registry.graphs[0]
    status = _status(world, make_load(row, Observed((), pods, tables)))
    conditions = _conditions(status)
    assert conditions["Accepted"] == ("True", "Accepted")
    assert conditions["Loaded"] == loaded
    assert conditions["Ready"] == ready
    assert status["loaded"] == count
    assert (status["pool"], status["url"]) == ("email", "http://r/runs/wait")


@pytest.mark.parametrize(
    ("pods", "tables", "waiting"),
    [
        ([_pod("a")], {"a": _table()}, 0),
        ([_pod("a")], {"a": BROKEN}, 0),
        ([_pod("a")], {}, 1),
        ([_pod("a")], {"a": _table(generation=2)}, 1),
        ([_pod("a", ready=False)], {"a": _table(loaded=False, reason="Pending")}, 1),
        ([_pod("a", running=False, ready=False)], {}, 0),
    ],
)
def test_a_running_pod_that_has_yet_to_say_is_waited_for(
    make_graph: Any, world_of: Any, pods: Any, tables: Any, waiting: int
) -> None:
    row = world_of(make_graph("email-reply")).fleet.pools["sales", "email"].registry.graphs[0]
    assert make_load(row, Observed((), pods, tables)).waiting == waiting


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"suspend": True}, "Suspended"),
        ({"module": "evil.graph"}, "ModuleNotAllowed"),
        ({"contextFrom": [{"configMapRef": {"name": "gone"}}]}, "ContextMissing"),
        ({"run": {"timeout": "1d"}}, "InvalidSpec"),
    ],
)
def test_a_graph_that_is_not_accepted_says_why_in_every_condition(
    make_graph: Any, world_of: Any, spec: Any, reason: str
) -> None:
    policy = Policy(allowed_modules=("graphs.",))
    world = world_of(make_graph("email-reply", **spec), policy=policy)
    status = _status(world, Load())
    assert _conditions(status) == {
        "Accepted": ("False", reason),
        "Loaded": ("False", "NotAccepted"),
        "Ready": ("False", reason),
    }
    assert (status["pool"], status["url"], status["loaded"]) == ("", "", "")


def test_the_younger_of_two_with_one_assistant_id_names_the_winner(
    make_graph: Any, world_of: Any
) -> None:
    older = make_graph("first", age=5, assistantID="email_reply")
    status = _status(world_of(older, make_graph("email-reply")), Load())
    assert _conditions(status)["Accepted"] == ("False", "AssistantIDConflict")
    assert "sales/first" in status["conditions"][0]["message"]


@pytest.mark.parametrize(
    ("scaling", "replicas", "expected"),
    [
        ({"mode": "KEDA", "minReplicas": 0}, None, ("False", "PoolUnavailable")),
        ({"mode": "None"}, 0, ("False", "ScaledToZero")),
        ({"mode": "HPA"}, None, ("False", "PoolUnavailable")),
    ],
)
def test_a_pool_without_pods_is_ready_only_when_a_call_wakes_it(
    make_graph: Any, make_graphpool: Any, world_of: Any, scaling: Any, replicas: Any, expected: Any
) -> None:
    spec = {"scaling": scaling} | ({} if replicas is None else {"replicas": replicas})
    world = world_of(make_graph("email-reply"), make_graphpool(**spec))
    assert _conditions(_status(world, Load()))["Ready"] == expected


def test_the_time_of_a_condition_moves_only_with_its_status(make_graph: Any, world_of: Any) -> None:
    graph = make_graph("email-reply")
    graph["status"] = _status(world_of(graph), Load())
    later = "2026-01-01T13:00:00Z"
    status = _status(world_of(graph), Load(ready=1, loaded=1, callable_pods=1), later)
    times = {c["type"]: c["lastTransitionTime"] for c in status["conditions"]}
    assert times == {"Accepted": NOON, "Loaded": later, "Ready": later}


def test_a_status_that_stands_is_not_written_again(make_graph: Any, world_of: Any) -> None:
    graph = make_graph("email-reply")
    status = _status(world_of(graph), Load())
    assert not is_written(graph, status)
    graph["status"] = status
    assert is_written(graph, _status(world_of(graph), Load(), "2026-01-02T00:00:00Z"))


def test_a_new_graph_makes_one_event(make_graph: Any, world_of: Any) -> None:
    world = world_of(make_graph("email-reply"))
    status = _status(world, Load())
    events = make_events(world.graphs[KEY], status, now=NOON, instance="i", suffix="x")
    assert [(event["reason"], event["type"]) for event in events] == [("Accepted", "Normal")]


def test_a_graph_that_fails_to_load_makes_one_warning_with_its_message(
    make_graph: Any, world_of: Any
) -> None:
    graph = make_graph("email-reply")
    graph["status"] = _status(world_of(graph), Load())
    world = world_of(graph)
    load = Load(failures=(BROKEN.graphs[0],))
    events = make_events(graph, _status(world, load), now=NOON, instance="i", suffix="x")
    assert [(e["reason"], e["note"], e["type"]) for e in events] == [
        ("ImportError", "No module named 'x'", "Warning")
    ]


def _pool_status(world: Any, loads: Any, observed: Observed, invalid: str | None = None) -> Any:
    key = ("sales", "email")
    return make_pool_status(
        world.graphpools[key],
        world.fleet.pools.get(key),
        loads,
        observed,
        invalid=invalid,
        now=NOON,
    )


def _deployment(replicas: int, ready: int) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"generation": 1},
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def test_the_status_of_a_pool_that_runs(
    make_graph: Any, make_graphpool: Any, world_of: Any
) -> None:
    world = world_of(make_graph("email-reply"), make_graphpool())
    observed = Observed([_deployment(1, 1)], [_pod("a")], {"a": _table()})
    load = Load(ready=1, loaded=1, callable_pods=1)
    status = _pool_status(world, {"email_reply": load}, observed)
    assert _conditions(status) == {
        "Ready": ("True", "Ready"),
        "Progressing": ("False", "Settled"),
        "ScalingActive": ("Unknown", "Pending"),
        "Degraded": ("False", "AsExpected"),
    }
    assert (status["replicas"], status["readyReplicas"]) == (1, 1)
    assert status["graphs"] == {"accepted": 1, "loaded": 1}
    assert status["gracePeriod"] == "17m"


def test_a_graph_that_fails_degrades_its_pool(
    make_graph: Any, make_graphpool: Any, world_of: Any
) -> None:
    world = world_of(make_graph("email-reply"), make_graphpool())
    load = Load(failures=(BROKEN.graphs[0],))
    status = _pool_status(world, {"email_reply": load}, Observed([_deployment(2, 1)]))
    conditions = _conditions(status)
    assert conditions["Degraded"] == ("True", "GraphsNotLoaded")
    assert conditions["Progressing"] == ("True", "Rolling")


@pytest.mark.parametrize(
    ("graphs", "spec", "invalid", "expected"),
    [
        ([], {}, None, ("False", "NoGraphs")),
        (["email-reply"], {"paused": True}, None, ("False", "Paused")),
        (["email-reply"], {}, None, ("False", "PoolUnavailable")),
        (["email-reply"], {}, "worker: no.", ("Unknown", "InvalidSpec")),
    ],
)
def test_a_pool_that_takes_no_calls_says_why(
    make_graph: Any,
    make_graphpool: Any,
    world_of: Any,
    graphs: list[str],
    spec: Any,
    invalid: str | None,
    expected: Any,
) -> None:
    world = world_of(*(make_graph(name) for name in graphs), make_graphpool(**spec))
    assert _conditions(_pool_status(world, {}, Observed(), invalid))["Ready"] == expected


@pytest.mark.parametrize(
    ("timeouts", "cap", "grace"),
    [
        ([("15m", False)], "30m", "17m"),
        ([("15m", False), ("24h", True)], "30m", "17m"),
        ([("2h", False)], "30m", "30m"),
        ([("1h", True)], "30m", "2m"),
    ],
)
def test_the_grace_period_covers_the_longest_run_that_cannot_go_on_elsewhere(
    make_graph: Any, make_graphpool: Any, world_of: Any, timeouts: Any, cap: str, grace: str
) -> None:
    graphs = [
        make_graph(f"g{index}", resumable=resumable, run={"timeout": timeout})
        for index, (timeout, resumable) in enumerate(timeouts)
    ]
    world = world_of(*graphs, make_graphpool(drain={"maxGracePeriod": cap}))
    assert _pool_status(world, {}, Observed())["gracePeriod"] == grace


def test_pods_on_their_way_out_are_not_counted() -> None:
    def body(name: str, **metadata: Any) -> dict[str, Any]:
        conditions = [{"type": "Ready", "status": "True"}]
        status = {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions}
        return {"metadata": {"name": name, **metadata}, "status": status}

    pods = parse_pods([body("b"), body("a", deletionTimestamp="now")])
    assert [(pod.name, pod.running, pod.ready) for pod in pods] == [("b", True, True)]
