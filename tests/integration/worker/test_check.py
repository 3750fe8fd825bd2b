"""A worker that only tries to load its graphs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graphwarden.api.registry import Registry, Row

pytestmark = pytest.mark.integration

GOOD = Row(assistant_id="good", module="good")
SOURCE = """
from typing import TypedDict
from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    done: bool


def build_graph(checkpointer=None):
    graph = StateGraph(State)
    graph.add_node("end", lambda state: {"done": True})
    graph.add_edge(START, "end")
    graph.add_edge("end", END)
    return graph.compile(checkpointer=checkpointer)
"""


def _check(folder: Path, *rows: Row, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "good.py").write_text(SOURCE)
    (folder / "broken.py").write_text("import nothing_of_that_name\n")
    registry = folder / "registry.json"
    registry.write_text(Registry(capability="email", graphs=list(rows)).to_json())
    env: dict[str, Any] = {
        **os.environ,
        "GRAPHWARDEN_REGISTRY": str(registry),
        "GRAPHWARDEN_CAPABILITY": "email",
        "GRAPHWARDEN_APP_DIR": str(folder),
        **environment,
    }
    command = [sys.executable, "-m", "graphwarden.worker.check"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_graphs_that_load_are_no_news(tmp_path: Path) -> None:
    done = _check(tmp_path, GOOD)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_graph_that_does_not_load_is_named_and_the_others_are_tried(tmp_path: Path) -> None:
    done = _check(tmp_path, Row(assistant_id="bad", module="broken"), GOOD)
    assert done.returncode == 3
    assert done.stderr.startswith("bad: ImportError: cannot import broken")
    assert "good" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_resumable_graph_needs_a_database_named_but_none_is_opened(tmp_path: Path) -> None:
    row = GOOD.model_copy(update={"resumable": True})
    assert "StorageMissing" in _check(tmp_path, row).stderr
    unreachable = "postgresql://nobody@127.0.0.1:1/none"
    assert _check(tmp_path, row, GRAPHWARDEN_DATABASE_URL=unreachable).returncode == 0
