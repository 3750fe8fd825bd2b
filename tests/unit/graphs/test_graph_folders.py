"""Every graph folder: its manifest, prompt, schemas, and what importing it costs."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphwarden.api.graphspec import GraphSpec

_ROOT = Path(__file__).parents[3]
_FOLDERS = sorted(path.parent for path in _ROOT.glob("graphs/*/graphspec.yaml"))
_APPLIED = sorted(
    path for ending in ("yaml", "yml", "json") for path in _ROOT.glob(f"graphs/**/*.{ending}")
)


def load(name: str) -> Any:
    return importlib.import_module(f"graphs.{name}").graph


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda f: f.name)
def test_a_folder_holds_what_its_graphspec_says(folder: Path) -> None:
    spec = GraphSpec.model_validate(yaml.safe_load((folder / "graphspec.yaml").read_text())).spec
    module = importlib.import_module(spec.module)
    assert spec.module == f"graphs.{folder.name}"
    assert getattr(module, spec.compiled_attr).name == spec.assistant_id
    if not spec.precompiled:
        assert getattr(module, spec.builder_attr)(checkpointer=None).name == spec.assistant_id


def test_kubectl_apply_recursive_finds_nothing_but_manifests() -> None:
    kinds = {path: yaml.safe_load(path.read_text()).get("kind") for path in _APPLIED}
    assert [path for path, kind in kinds.items() if kind not in ("GraphSpec", "GraphPool")] == []


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda f: f.name)
def test_a_folder_with_a_task_has_its_prompt(folder: Path) -> None:
    code = "".join(path.read_text() for path in folder.glob("*.py"))
    assert "load_prompt(" not in code or (folder / "prompt.md").read_text().strip()


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda f: f.name)
def test_every_schema_is_json(folder: Path) -> None:
    graph = load(folder.name)
    assert graph.get_input_jsonschema()["properties"]
    assert graph.get_output_jsonschema()["properties"]
    assert graph.get_context_jsonschema()["properties"]


@pytest.mark.timeout(240)  # a fresh interpreter, and every package: minutes on a busy machine
def test_importing_every_graph_loads_no_model_package() -> None:
    names = ", ".join(f"graphs.{folder.name}" for folder in _FOLDERS)
    code = f"import sys, {names}; print([m for m in ('langchain', 'openai') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
