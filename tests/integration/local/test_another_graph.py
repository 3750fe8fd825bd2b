"""A new flow is a folder: two teams add one each, and neither touches what the other does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from graphwarden.local.folder import load_folder

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
_AS_SOMEBODY = ("-c", "user.name=Kim", "-c", "user.email=kim@northwind.example")
GRAPH = '''\
"""{name}: says what it was asked."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    text: str


def build_graph(checkpointer: Any = None) -> Any:
    builder = StateGraph(State)
    builder.add_node("say", lambda state: state)
    builder.add_edge(START, "say")
    builder.add_edge("say", END)
    return builder.compile(checkpointer=checkpointer, name="{name}")


graph = build_graph()
'''
SPEC = """\
apiVersion: graphwarden.dev/v1alpha1
kind: GraphSpec
metadata: {{name: {dashed}}}
spec: {{assistantID: {name}, capability: {capability}, module: graphs.{name}_graph}}
"""


def git(place: Path, *words: str) -> str:
    command = ["git", *_AS_SOMEBODY, *words]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The graphs as they are here, in a repository of their own."""
    place = tmp_path / "repository"
    leave = shutil.ignore_patterns("__pycache__", "*.pyc", "samples")
    shutil.copytree(ROOT / "graphs", place / "graphs", ignore=leave)
    git(place, "init", "--quiet", "--initial-branch=main")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message=The fleet as it is")
    return place


def add_flow(repository: Path, name: str, capability: str) -> list[str]:
    """A branch of its own with one more folder; gives the paths that it touches."""
    git(repository, "switch", "--quiet", "--create", name, "main")
    folder = repository / "graphs" / f"{name}_graph"
    folder.mkdir()
    (folder / "__init__.py").write_text(GRAPH.format(name=name))
    spec = SPEC.format(name=name, dashed=name.replace("_", "-"), capability=capability)
    (folder / "graphspec.yaml").write_text(spec)
    (folder / "prompt.md").write_text("Say it again.\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", f"--message=Add {name}")
    return git(repository, "diff", "--name-status", "main", name).splitlines()


def test_two_branches_that_add_a_graph_each_merge_and_the_planner_takes_both(
    repository: Path,
) -> None:
    before = load_folder(repository / "graphs")
    touched = {
        name: add_flow(repository, name, capability)
        for name, capability in (("echo_lead", "classification"), ("map_region", "territory"))
    }
    git(repository, "switch", "--quiet", "main")
    for name in touched:
        git(repository, "merge", "--quiet", "--no-edit", name)
    after = load_folder(repository / "graphs")
    pools = {
        row.assistant_id: pool.capability
        for pool in after.fleet.pools.values()
        for row in pool.registry.graphs
    }
    assert all(line.startswith("A\t") for lines in touched.values() for line in lines)
    assert after.problems() == []
    assert len(after.graphs) == len(before.graphs) + 2
    assert (pools["echo_lead"], pools["map_region"]) == ("classification", "territory")
