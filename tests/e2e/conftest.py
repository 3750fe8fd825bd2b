"""One cluster and one release for the session; the graphs of the repository stay applied in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from e2e.cluster import install, reach_router, running_cluster
from e2e.kube import ROOT, Kube
from e2e.upgrades import Upgrade, can_upgrade, upgrade_from_previous

_SECONDS_FOR_A_COLD_BUILD = 3600
_upgrades: list[Upgrade | None] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(_SECONDS_FOR_A_COLD_BUILD))


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """The namespace of the release, with operator, router and PostgreSQL running."""
    with running_cluster() as kube:
        _upgrades.append(upgrade_from_previous(kube) if can_upgrade(kube) else None)
        install(kube)
        yield kube


@pytest.fixture(scope="session")
def upgrade(kube: Kube) -> Upgrade | None:
    """The upgrade from the version before that made the release; None where it was there."""
    assert kube
    return _upgrades[0]


@pytest.fixture(scope="session")
def router(kube: Kube) -> Iterator[httpx.Client]:
    """A client of the router's Service."""
    with reach_router(kube) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def graphs() -> dict[str, dict[str, Any]]:
    """The GraphSpecs of the repository by assistant id."""
    paths = sorted((ROOT / "graphs").glob("*/graphspec.yaml"))
    manifests = [yaml.safe_load(path.read_text()) for path in paths]
    return {manifest["spec"]["assistantID"]: manifest for manifest in manifests}


@pytest.fixture(scope="session")
def fleet(kube: Kube, graphs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same, applied and ready."""
    kube.apply(*graphs.values())
    kube.until_ready(*(graph["metadata"]["name"] for graph in graphs.values()), seconds=180)
    return graphs
