"""The cluster's resource definitions against those of this program, on a real API server."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphwarden.api.crd import make_crds

pytestmark = pytest.mark.integration

NAME = "graphpools.graphwarden.dev"


@pytest.fixture
def definition(api: Any) -> Iterator[Any]:
    """The GraphPool definition, which is put back afterwards."""
    ours = next(crd for crd in make_crds().values() if crd["metadata"]["name"] == NAME)
    yield copy.deepcopy(ours)
    _put(api, ours)


def _put(api: Any, body: Any) -> None:
    live = api.get("CustomResourceDefinition", NAME)
    api.patch(
        "CustomResourceDefinition",
        NAME,
        [{"op": "replace", "path": "/spec/versions", "value": body["spec"]["versions"]}],
    )
    assert live["metadata"]["uid"] == api.get("CustomResourceDefinition", NAME)["metadata"]["uid"]


def _fields(definition: Any) -> Any:
    version = definition["spec"]["versions"][0]
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def _update(kubeconfig: Path) -> str:
    command = [sys.executable, "-m", "graphwarden.control", "crds"]
    env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_older_definition_is_brought_up_to_date(
    api: Any, kubeconfig: Path, definition: Any
) -> None:
    del _fields(definition)["paused"]
    _put(api, definition)
    assert f"{NAME}: brought up to date" in _update(kubeconfig)
    assert "paused" in _fields(api.get("CustomResourceDefinition", NAME))


def test_a_definition_that_is_up_to_date_is_not_written(api: Any, kubeconfig: Path) -> None:
    _update(kubeconfig)
    before = api.get("CustomResourceDefinition", NAME)["metadata"]["resourceVersion"]
    assert f"{NAME}: up to date" in _update(kubeconfig)
    assert api.get("CustomResourceDefinition", NAME)["metadata"]["resourceVersion"] == before


def test_a_newer_definition_is_left_alone(api: Any, kubeconfig: Path, definition: Any) -> None:
    _fields(definition)["later"] = {"type": "string"}
    _put(api, definition)
    assert f"{NAME}: left alone, the cluster's is newer: spec.later" in _update(kubeconfig)
    assert "later" in _fields(api.get("CustomResourceDefinition", NAME))


@pytest.mark.parametrize(("change", "age"), [("paused", "older"), ("later", "newer")])
def test_an_operator_beside_another_definition_says_so(
    api: Any, program: Any, definition: Any, eventually: Any, change: str, age: str
) -> None:
    if change == "later":
        _fields(definition)["later"] = {"type": "string"}
    else:
        del _fields(definition)[change]
    _put(api, definition)
    told = f'graphwarden_crd_skew{{kind="GraphPool",than_operator="{age}"}} 1.0'
    with program.running():
        eventually(lambda: told in httpx.get(program.metrics_url).text)
        assert f"is {age} than this operator" in program.log.read_text()
