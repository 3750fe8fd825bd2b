"""kubeconform, strictly, with the schemas of a real API server: chart and children of pools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from e2e.kube import ROOT, find_program, run, skip
from integration.chart.conftest import Tool
from integration.control.apiserver import Api, require_programs, run_api_server
from integration.control.openapi import LOCATION, write_schemas
from integration.control.test_chart import EVERYTHING

# Definitions of the Prometheus operator, which no API server has by itself.
FOREIGN = "PodMonitor,PrometheusRule"


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    with (
        run_api_server(tmp_path_factory.mktemp("api"), require_programs()) as kubeconfig,
        Api(kubeconfig) as api,
    ):
        assert write_schemas(api.read_openapi(), folder) > 100
    return folder


def _check(tool: Tool, schemas: Path, text: str) -> str:
    place = f"-schema-location={schemas}/{LOCATION}"
    done = tool("kubeconform", "-strict", "-summary", f"-skip={FOREIGN}", place, stdin=text)
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("options", [(), EVERYTHING], ids=["as it is", "everything"])
def test_the_chart_conforms(tool: Tool, schemas: Path, options: tuple[str, ...]) -> None:
    helm = find_program("helm")
    if helm is None:
        skip("no helm: run tests/cluster/localcluster build, or install it")
    chart = str(ROOT / "charts/graphwarden")
    text = run(helm, "template", "graphwarden", chart, "--namespace=sales", *options)
    assert "Invalid: 0, Errors: 0" in _check(tool, schemas, text)


def test_the_children_of_every_pool_conform(tool: Tool, schemas: Path, tmp_path: Path) -> None:
    defaults = tmp_path / "defaults.yaml"
    defaults.write_text("worker: {image: 'registry.example/graphs:1'}\n")
    command = [sys.executable, "-m", "graphwarden.control", "render"]
    options = [f"--manifests={ROOT / 'graphs'}", f"--pool-defaults={defaults}"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    said = _check(tool, schemas, done.stdout)
    assert "Invalid: 0, Errors: 0" in said
    assert "Valid: 0" not in said


def test_a_field_that_is_not_known_is_found(tool: Tool, schemas: Path) -> None:
    text = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: [{port: 80}]}}"
    said = _check(tool, schemas, text)
    assert "Invalid: 1" in said
    assert "'port'" in said
