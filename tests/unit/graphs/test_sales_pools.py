"""The GraphPools of the sales fleet, and the folder that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from graphs.sales.data.roles import GRANTS
from graphwarden.api.graphpool import GraphPool
from graphwarden.local.folder import load_folder

_GRAPHS = Path(__file__).parents[3] / "graphs"
_POOLS = sorted((_GRAPHS / "pools").glob("*.yaml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_there_is_a_pool_for_each_role_of_the_database() -> None:
    assert {path.stem for path in _POOLS} == set(GRANTS)


@pytest.mark.parametrize("path", _POOLS, ids=lambda path: path.stem)
def test_a_pool_gets_a_secret_of_its_own_and_starts_without_it(path: Path) -> None:
    pool = GraphPool.model_validate(load(path))
    name = pool.metadata.name
    assert name == path.stem
    assert pool.spec.worker.env_from == [{"secretRef": {"name": f"sales-{name}", "optional": True}}]


@pytest.mark.parametrize("capability", ["email", "orchestration"])
def test_pools_whose_graphs_call_others_know_the_router_and_reach_it(capability: str) -> None:
    pool = GraphPool.model_validate(load(_GRAPHS / "pools" / f"{capability}.yaml"))
    router = {"name": "GRAPHWARDEN_URL", "value": "http://graphwarden-router"}
    ports = [port["port"] for rule in pool.spec.network.egress for port in rule["ports"]]
    assert pool.spec.worker.env == [router]
    assert 8123 in ports


def test_every_pool_reaches_the_database() -> None:
    for path in _POOLS:
        rules = GraphPool.model_validate(load(path)).spec.network.egress
        assert any({"protocol": "TCP", "port": 5432} in rule["ports"] for rule in rules), path


def test_every_yaml_file_is_an_object_that_kubectl_can_apply() -> None:
    for path in sorted(_GRAPHS.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            assert document["kind"] in ("GraphSpec", "GraphPool"), path


def test_the_folder_is_valid_as_it_stands() -> None:
    folder = load_folder(_GRAPHS)
    assert folder.problems() == []
    assert {graph.spec.capability for graph in folder.graphs} <= set(GRANTS)
