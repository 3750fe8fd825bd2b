from __future__ import annotations

import importlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from click.testing import CliRunner, Result
from langgraph.pregel import Pregel

from graphwarden.api.graphspec import GraphSpec
from graphwarden.cli.commands import cli
from graphwarden.cli.langgraph_export import export_project
from graphwarden.cli.langgraph_file import Imported, import_project
from graphwarden.cli.module_source import find_kind

ROOT = Path(__file__).parents[3]
AGENT = "from langgraph.graph import StateGraph\ngraph = StateGraph(dict).compile()\n"


def take(document: Any, files: dict[str, str] | None = None, **options: Any) -> Imported:
    texts = {PurePosixPath(path): text for path, text in (files or {}).items()}
    return import_project(document, texts.get, **{"capability": "email", **options})


def spec_of(entry: Any, files: dict[str, str], **more: Any) -> dict[str, Any]:
    found = take({"graphs": {"a": entry}, **more}, files)
    assert not found.mistakes
    return dict(found.manifests["a"]["spec"])


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("graph = build()", "graph", "value"),
        ("graph: Any = build()", "graph", "value"),
        ("def make(config): ...", "make", "function"),
        ("async def make(): ...", "make", "function"),
        ("def make(checkpointer=None): ...", "make", "builder"),
        ("make = lambda config: None", "make", "function"),
        ("def make(): ...\ngraph = make", "graph", "function"),
        ("from elsewhere import graph", "graph", "unknown"),
        ("from elsewhere import *", "graph", "unknown"),
        ("def __getattr__(name): ...", "graph", "unknown"),
        ("try:\n    graph = 1\nexcept ImportError:\n    graph = None", "graph", "value"),
        ("if True:\n    def make(): ...", "make", "function"),
        ("a, graph = 1, 2", "graph", "value"),
        ("graph = graph_2\ngraph_2 = graph", "graph", "value"),
    ],
)
def test_what_a_name_is_shows_in_the_modules_text(text: str, name: str, wanted: str) -> None:
    assert find_kind(text, name) == wanted


def test_a_compiled_graph_is_precompiled() -> None:
    assert spec_of("./agent.py:graph", {"agent.py": AGENT}) == {
        "assistantID": "a",
        "capability": "email",
        "module": "agent",
        "compiledAttr": "graph",
        "precompiled": True,
    }


def test_a_factory_is_a_builder() -> None:
    spec = spec_of("./agent.py:make", {"agent.py": "async def make(config): ..."})
    assert (spec["builderAttr"], "precompiled" in spec) == ("make", False)


def test_a_graph_that_keeps_threads_is_built_so_that_it_gets_a_checkpointer() -> None:
    found = take({"graphs": {"a": "./agent.py:graph"}}, {"agent.py": AGENT}, resumable=True)
    spec = found.manifests["a"]["spec"]
    assert (spec["builderAttr"], spec["resumable"], "precompiled" in spec) == ("graph", True, False)


@pytest.mark.parametrize(
    ("entry", "files", "dependencies", "module"),
    [
        ("./my_agent/agent.py:graph", ["my_agent/agent.py"], ["./my_agent"], "my_agent.agent"),
        ("my_agent/__init__.py:graph", ["my_agent/__init__.py"], ["."], "my_agent"),
        ("my_agent.agent:graph", ["my_agent/agent.py"], ["."], "my_agent.agent"),
        ("./src/agent/graph.py:graph", ["src/agent/graph.py"], ["."], "src.agent.graph"),
        (
            "./src/agent/graph.py:graph",
            ["src/agent/graph.py", "pyproject.toml"],
            ["."],
            "agent.graph",
        ),
        (
            "./src/agent/graph.py:graph",
            ["src/agent/graph.py", "src/__init__.py", "pyproject.toml"],
            ["."],
            "src.agent.graph",
        ),
        ("./libs/x/agent.py:graph", ["libs/x/agent.py", "libs/x/setup.py"], ["./libs/x"], "agent"),
        ({"path": "./agent.py:graph"}, ["agent.py"], ["."], "agent"),
    ],
)
def test_a_path_becomes_the_name_that_the_module_is_imported_by(
    entry: Any, files: list[str], dependencies: list[str], module: str
) -> None:
    texts = dict.fromkeys(files, AGENT)
    assert spec_of(entry, texts, dependencies=dependencies)["module"] == module


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("agent.py", 'write "./path/file.py:attribute"'),
        (7, 'write "./path/file.py:attribute"'),
        ({"description": "x"}, 'write "./path/file.py:attribute"'),
        ("./agent.ts:graph", "JavaScript graph"),
        ("./missing.py:graph", "there is no Python file ./missing.py"),
        ("../agent.py:graph", "not below the project"),
        ("/agent.py:graph", "not below the project"),
        ("./agent.py:grahp", "./agent.py has no grahp at its top level; it has graph"),
        ("./broken.py:graph", "not valid Python: line 1"),
        ("./my-agent/x.py:graph", "no dotted import path (my-agent.x)"),
        ("./agent.py:graph.inner", "agent.py has no graph.inner"),
        ("other.module:a-b", "compiledAttr"),
    ],
)
def test_a_graph_that_cannot_be_taken_over_is_told_with_its_name(entry: Any, words: str) -> None:
    files = {"agent.py": AGENT, "broken.py": "def (", "my-agent/x.py": AGENT}
    found = take({"graphs": {"a": entry}}, files)
    (mistake,) = found.mistakes
    assert mistake.startswith("graphs.a: ")
    assert words in mistake


@pytest.mark.parametrize("document", [[], None, {}, {"graphs": {}}, {"graphs": ["a"]}])
def test_a_project_without_graphs_is_told(document: Any) -> None:
    assert "it names no graphs" in take(document).mistakes[0]


def test_a_capability_that_is_no_label_is_told() -> None:
    found = take({"graphs": {"a": "./agent.py:graph"}}, {"agent.py": AGENT}, capability="E Mail")
    assert "capability" in found.mistakes[0]


def test_a_name_that_is_no_assistant_id_is_changed_and_told() -> None:
    found = take({"graphs": {"My Agent": "./agent.py:graph"}}, {"agent.py": AGENT})
    assert found.manifests["my-agent"]["spec"]["assistantID"] == "my_agent"
    assert any("the assistant is called my_agent" in note for note in found.notes)


def test_two_names_that_become_one_are_told() -> None:
    graphs = {"my_agent": "./agent.py:graph", "my-agent": "./agent.py:graph"}
    found = take({"graphs": graphs}, {"agent.py": AGENT})
    assert "graphs.my-agent: another graph has the name my-agent too" in found.mistakes


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("env", "worker.envFrom"),
        ("dependencies", "worker image"),
        ("store", "without an index"),
        ("http", "corsOrigins"),
        ("auth", "API keys"),
        ("frobnicate", "unknown here"),
    ],
)
def test_a_setting_without_a_counterpart_is_told(key: str, words: str) -> None:
    document = {"graphs": {"a": "./agent.py:graph"}, key: ["."]}
    notes = take(document, {"agent.py": AGENT}).notes
    assert any(note.startswith(f"{key}: ") and words in note for note in notes)


def test_a_module_outside_the_project_is_taken_over_and_told() -> None:
    found = take({"graphs": {"a": "elsewhere.agent:graph"}})
    assert found.manifests["a"]["spec"]["module"] == "elsewhere.agent"
    assert any("was not looked at" in note for note in found.notes)


def _graph(**spec: Any) -> GraphSpec:
    fields = {"assistantID": "a", "capability": "email", "module": "agent", **spec}
    return GraphSpec.model_validate({"metadata": {"name": "a"}, "spec": fields})


@pytest.mark.parametrize(
    ("text", "spec", "wanted"),
    [
        ("def build_graph(checkpointer=None): ...\ngraph = build_graph()", {}, "agent:graph"),
        ("def build_graph(config): ...", {}, "agent:build_graph"),
        ("def build_graph(config): ...\ngraph = 1", {}, "agent:build_graph"),
        ("from x import build_graph\ngraph = 1", {}, "agent:graph"),
        ("from x import build_graph", {}, "agent:build_graph"),
        ("app = compile()", {"compiledAttr": "app", "precompiled": True}, "agent:app"),
    ],
)
def test_export_names_what_langgraphs_server_can_load(
    text: str, spec: dict[str, Any], wanted: str
) -> None:
    found = export_project([_graph(**spec)], {PurePosixPath("agent.py"): text}.get)
    assert (found.document["graphs"], found.mistakes) == ({"a": wanted}, [])


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        ("def build_graph(checkpointer): ...", {}, "write `graph = build_graph()` below it"),
        ("x = 1", {}, "agent has no build_graph at its top level"),
        ("x = 1", {"precompiled": True}, "agent has no graph at its top level"),
        ("def (", {}, "not valid Python"),
    ],
)
def test_a_module_that_langgraphs_server_cannot_load_is_told(
    text: str, spec: dict[str, Any], words: str
) -> None:
    found = export_project([_graph(**spec)], {PurePosixPath("agent.py"): text}.get)
    assert words in found.mistakes[0]


def test_what_a_langgraph_json_cannot_say_is_told() -> None:
    graph = _graph(context={"tone": "dry"}, run={"timeout": "2m"}, suspend=True)
    notes = export_project([graph], {PurePosixPath("agent.py"): "build_graph = 1"}.get).notes
    assert notes == ["a: context, run, suspend cannot be said in a langgraph.json"]


def test_what_is_imported_can_be_exported_again(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(f"{AGENT}def make(config): ...\n")
    before = {
        "dependencies": ["."],
        "env": ".env",
        "graphs": {"a": "agent:graph", "b_1": "agent:make"},
    }
    project = tmp_path / "langgraph.json"
    project.write_text(json.dumps(before))
    done = call("import", str(project), "--out", str(tmp_path / "specs"))
    assert done.exit_code == 0, done.output
    assert call("validate", str(tmp_path / "specs")).exit_code == 0
    out = ("--out", str(project), "--app-dir", str(tmp_path), "--force")
    assert call("export", str(tmp_path / "specs"), *out).exit_code == 0
    assert json.loads(project.read_text()) == before


def test_a_file_that_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    project, specs = tmp_path / "langgraph.json", tmp_path / "specs"
    project.write_text('{"graphs": {"a": "./agent.py:graph", "b": "./agent.py:graph"}}')
    specs.mkdir()
    (specs / "b.yaml").write_text("mine")
    command = ("import", str(project), "--out", str(specs))
    done = call(*command)
    assert (done.exit_code, "--force" in done.output) == (2, True)
    assert [path.name for path in specs.iterdir()] == ["b.yaml"]
    assert call(*command, "--force").exit_code == 0
    assert "kind: GraphSpec" in (specs / "b.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "words"), [("{", "not valid JSON at line 1"), ("\udce9", "cannot be read")]
)
def test_a_project_that_is_no_json_is_told(tmp_path: Path, text: str, words: str) -> None:
    project = tmp_path / "langgraph.json"
    project.write_bytes(text.encode(errors="surrogateescape"))
    done = call("import", str(project))
    assert (done.exit_code, words in done.output) == (1, True)


def test_manifests_with_mistakes_are_not_exported(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [1,")
    out = tmp_path / "langgraph.json"
    done = call("export", str(tmp_path), "--out", str(out))
    assert (done.exit_code, "not valid YAML" in done.output, out.exists()) == (1, True, False)


def test_the_sales_graphs_can_be_loaded_from_what_export_writes(tmp_path: Path) -> None:
    out = tmp_path / "langgraph.json"
    done = call("export", str(ROOT / "graphs"), "--out", str(out), "--app-dir", str(ROOT))
    assert done.exit_code == 0, done.output
    targets = json.loads(out.read_text())["graphs"]
    assert len(targets) == len(list((ROOT / "graphs").glob("*/graphspec.yaml")))
    for target in targets.values():
        module, attribute = target.split(":")
        assert isinstance(getattr(importlib.import_module(module), attribute), Pregel)
