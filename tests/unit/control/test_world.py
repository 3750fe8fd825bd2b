"""Reading the fleet, and finding the pools that come out differently."""

from __future__ import annotations

from typing import Any

import pytest

from graphwarden.api.fleet import Policy
from graphwarden.api.graphpool import GraphPoolSpec
from graphwarden.control.world import World, find_changed_pools, find_references, make_world

EMAIL, SEARCH = ("sales", "email"), ("sales", "search")


def test_a_graph_that_moves_changes_both_pools(make_graph: Any, world_of: Any) -> None:
    before, after = world_of(make_graph("a")), world_of(make_graph("a", capability="search"))
    assert find_changed_pools(before, after) == {EMAIL, SEARCH}


def test_a_winner_that_goes_changes_the_pool_of_the_loser(make_graph: Any, world_of: Any) -> None:
    winner = make_graph("first", age=5, assistantID="x")
    loser = make_graph("second", assistantID="x", capability="search")
    assert find_changed_pools(world_of(winner, loser), world_of(loser)) == {EMAIL, SEARCH}


def test_a_status_changes_no_pool(make_graph: Any, world_of: Any) -> None:
    graph = make_graph("a")
    before = world_of(graph)
    written = {**graph, "status": {"pool": "email"}}
    assert find_changed_pools(before, world_of(written)) == set()


def test_a_new_context_changes_the_pool(make_graph: Any, world_of: Any) -> None:
    graph = make_graph("a", contextFrom=[{"configMapRef": {"name": "prompt"}}])
    before = world_of(graph, config_maps={("sales", "prompt"): {"p": "1"}})
    after = world_of(graph, config_maps={("sales", "prompt"): {"p": "2"}})
    assert find_changed_pools(before, after) == {EMAIL}


def test_what_has_not_changed_is_kept_once_however_often_the_fleet_is_read(make_graph: Any) -> None:
    def read(version: str, previous: World) -> World:
        graphs = [make_graph("same"), make_graph("other")]
        graphs[0]["metadata"]["resourceVersion"] = "1"
        graphs[1]["metadata"]["resourceVersion"] = version
        defaults = GraphPoolSpec()
        return make_world(graphs, [], {}, policy=Policy(), defaults=defaults, previous=previous)

    first = read("2", World())
    second = read("3", first)
    same, other = ("sales", "same"), ("sales", "other")
    assert second.graphs[same] is first.graphs[same]
    assert second.graphs[other] is not first.graphs[other]


def test_at_the_start_every_pool_with_graphs_is_new(make_graph: Any, world_of: Any) -> None:
    assert find_changed_pools(World(), world_of(make_graph("a"))) == {EMAIL}


def test_a_graph_that_is_being_deleted_is_gone(make_graph: Any, world_of: Any) -> None:
    graph = make_graph("a")
    graph["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert world_of(graph).fleet.pools == {}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"run": {"timeout": "1d"}}, "spec.run.timeout"),
        ({"capability": 7}, "spec.capability"),
        ({"precompiled": True, "resumable": True}, "spec: precompiled graphs"),
    ],
)
def test_a_graph_that_cannot_be_read_is_refused_and_the_others_go_on(
    make_graph: Any, world_of: Any, spec: Any, message: str
) -> None:
    world = world_of(make_graph("bad", **spec), make_graph("good"))
    verdict = world.verdict(("sales", "bad"))
    assert (verdict.accepted, verdict.reason) == (False, "InvalidSpec")
    assert message in verdict.message
    assert world.verdict(("sales", "good")).accepted


def test_a_status_that_cannot_be_read_is_no_obstacle(make_graph: Any, world_of: Any) -> None:
    graph = make_graph("a")
    graph["status"] = {"conditions": [{"type": 1}], "loaded": ["?"]}
    assert world_of(graph).verdict(("sales", "a")).accepted


def test_references_are_collected_wherever_they_can_be_read(make_graph: Any) -> None:
    sources = [{"configMapRef": {"name": "prompt"}}]
    graphs = [make_graph("a", contextFrom=sources), make_graph("b", contextFrom=7)]
    graphs += [make_graph("c", contextFrom=[{"configMapRef": "?"}, 1]), make_graph("d")]
    graphs[-1]["spec"] = "?"
    assert find_references(graphs) == {("sales", "prompt")}


@pytest.mark.parametrize("spec", [None, "?", [], {}, {"capability": []}])
def test_a_graph_without_a_readable_spec_is_refused(
    make_graph: Any, world_of: Any, spec: Any
) -> None:
    graph = make_graph("a")
    graph["spec"] = spec
    world = world_of(graph)
    assert world.verdict(("sales", "a")).reason == "InvalidSpec"
    assert [key for key, _ in world.graphs_of(("sales", ""))] == [("sales", "a")]


@pytest.mark.parametrize(
    ("spec", "pool_spec", "held"),
    [
        ({}, {}, False),
        ({}, {"paused": True}, True),
        ({}, {"worker": "?"}, True),
        ({"suspend": True}, {}, False),
        ({"suspend": True}, {"paused": True}, True),
        ({}, {"worker": {"image": ""}}, True),
        ({"contextFrom": [{"configMapRef": {"name": "gone"}}]}, {}, True),
    ],
)
def test_running_pods_are_not_taken_away_for_a_mistake_that_can_be_mended(
    make_graph: Any, make_graphpool: Any, world_of: Any, spec: Any, pool_spec: Any, held: bool
) -> None:
    world = world_of(make_graph("a", **spec), make_graphpool(**pool_spec))
    assert world.is_held(EMAIL) is held


def test_only_what_has_a_new_version_is_parsed_again(make_graph: Any) -> None:
    def read(version: str, tone: str, previous: World | None) -> Any:
        graph = make_graph("a", context={"tone": tone})
        graph["metadata"]["resourceVersion"] = version
        defaults = GraphPoolSpec.model_validate({"worker": {"image": "i:1"}})
        return make_world([graph], [], {}, policy=Policy(), defaults=defaults, previous=previous)

    first = read("1", "kind", None)
    again = read("1", "ignored", first)
    later = read("2", "harsh", first)
    graphs = [world.fleet.pools[EMAIL].graphs[0] for world in (first, again, later)]
    assert graphs[0] is graphs[1]
    assert graphs[2].spec.context == {"tone": "harsh"}
