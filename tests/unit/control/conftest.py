"""A small fleet as the API server would list it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphwarden.api.fleet import Policy
from graphwarden.api.graphpool import GraphPoolSpec
from graphwarden.control.kinds import Manifest
from graphwarden.control.world import World, make_world

GraphMaker = Callable[..., Manifest]
WorldMaker = Callable[..., World]


def _make_graph(name: str, *, age: int = 0, **spec: Any) -> Manifest:
    """A GraphSpec of pool email; `age` in minutes before noon settles who is older."""
    assistant_id = name.replace("-", "_")
    return {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphSpec",
        "metadata": {
            "name": name,
            "namespace": "sales",
            "uid": f"uid-{name}",
            "generation": 3,
            "creationTimestamp": f"2026-01-01T11:{59 - age:02d}:00Z",
        },
        "spec": {
            "assistantID": assistant_id,
            "capability": "email",
            "module": f"graphs.{assistant_id}",
            **spec,
        },
    }


def _make_graphpool(**spec: Any) -> Manifest:
    return {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphPool",
        "metadata": {"name": "email", "namespace": "sales", "uid": "uid-pool", "generation": 2},
        "spec": spec,
    }


def _make_world(*objects: Manifest, config_maps: Any = None, policy: Any = None) -> World:
    return make_world(
        [body for body in objects if body["kind"] == "GraphSpec"],
        [body for body in objects if body["kind"] == "GraphPool"],
        config_maps or {},
        policy=policy or Policy(),
        defaults=GraphPoolSpec.model_validate({"worker": {"image": "registry.example/graphs:1"}}),
    )


@pytest.fixture
def make_graph() -> GraphMaker:
    return _make_graph


@pytest.fixture
def make_graphpool() -> GraphMaker:
    return _make_graphpool


@pytest.fixture
def world_of() -> WorldMaker:
    return _make_world


@pytest.fixture
def pool_of() -> Callable[..., Any]:
    def make(*objects: Manifest) -> Any:
        return _make_world(*objects).fleet.pools["sales", "email"]

    return make
