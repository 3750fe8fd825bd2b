"""`render` shows what would be applied."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from graphwarden.control.__main__ import main

GRAPH = """
apiVersion: graphwarden.dev/v1alpha1
kind: GraphSpec
metadata: {name: NAME}
spec: {assistantID: email_reply, capability: email, module: graphs.email_reply_graph}
"""
POOL = """
apiVersion: graphwarden.dev/v1alpha1
kind: GraphPool
metadata: {name: email}
spec: {worker: {image: "i:1"}}
"""


def test_the_children_of_every_pool_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "all.yaml").write_text("---".join([GRAPH.replace("NAME", "a"), POOL]))
    assert main(["render", "--manifests", str(tmp_path)]) == 0
    kinds = [document["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert "Deployment" in kinds
    assert len(kinds) == 7


def test_a_graph_that_is_left_out_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(GRAPH.replace("NAME", "a"))
    (tmp_path / "b.yaml").write_text(GRAPH.replace("NAME", "b"))
    (tmp_path / "pool.yaml").write_text(POOL)
    assert main(["render", "--manifests", str(tmp_path)]) == 0
    first_line = capsys.readouterr().out.splitlines()[0]
    assert first_line.startswith("# GraphSpec default/b is left out: AssistantIDConflict")


def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(GRAPH.replace("NAME", "a").replace("module", "modul"))
    assert main(["render", "--manifests", str(tmp_path)]) == 1
    assert "a.yaml:5" in capsys.readouterr().err
