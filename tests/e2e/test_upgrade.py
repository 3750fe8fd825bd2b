"""An upgrade from the version before, with a pool at work."""

from __future__ import annotations

import pytest
import yaml

from e2e.kube import ROOT, Kube, Manifest, skip
from e2e.upgrades import POOL, Upgrade


@pytest.fixture(scope="module")
def upgraded(upgrade: Upgrade | None) -> Upgrade:
    if upgrade is None:
        skip("the release was there before the tests")
    return upgrade


def test_an_upgrade_fails_no_call(upgraded: Upgrade) -> None:
    assert set(upgraded.answers) == {"done"}, upgraded.answers
    print(f"{upgraded.answers['done']} calls answered during the upgrade")


def test_an_upgrade_keeps_the_pools_deployment(upgraded: Upgrade) -> None:
    before, after = upgraded.before["metadata"], upgraded.after["metadata"]
    assert (after["uid"], after["name"]) == (before["uid"], f"graphpool-{POOL}")
    assert after["generation"] > before["generation"]


def test_a_thread_of_the_version_before_is_read_by_this_one(upgraded: Upgrade) -> None:
    assert upgraded.thread_before
    assert upgraded.thread_after == upgraded.thread_before


@pytest.mark.usefixtures("upgraded")
def test_an_upgrade_brings_the_definitions_along(kube: Kube) -> None:
    for kind in ("graphspecs", "graphpools"):
        shipped = yaml.safe_load((ROOT / f"crds/graphwarden.dev_{kind}.yaml").read_text())
        found = kube.get("crd", f"{kind}.graphwarden.dev")
        assert _list_fields(found) == _list_fields(shipped)


def _list_fields(definition: Manifest) -> set[str]:
    """The fields of a definition's spec."""
    (version,) = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    return set(schema["properties"]["spec"]["properties"])
