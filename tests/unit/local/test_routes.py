from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphwarden.local.folder import Folder, load_folder
from graphwarden.local.routes import PoolState, make_lines, make_table

SPEC = """\
apiVersion: graphwarden.dev/v1alpha1
kind: GraphSpec
metadata: {{name: {name}}}
spec: {{assistantID: {assistant}, capability: email, module: graphs.x{more}}}
"""


def make_folder(path: Path, *specs: tuple[str, str, str]) -> Folder:
    for name, assistant, more in specs:
        text = SPEC.format(name=name, assistant=assistant, more=more)
        (path / f"{name}.yaml").write_text(text)
    return load_folder(path)


def state_of(folder: Folder, *rows: dict[str, Any], up: bool = True) -> dict[str, PoolState]:
    pool = folder.fleet.pools["default", "email"]
    endpoints = ("127.0.0.1:9",) if up else ()
    return {"email": PoolState(pool, endpoints, {r["assistant_id"]: r for r in rows})}


def row(assistant: str, loaded: bool, reason: str | None = None) -> dict[str, Any]:
    return {"assistant_id": assistant, "loaded": loaded, "reason": reason, "message": "m"}


@pytest.mark.parametrize(
    ("rows", "up", "wanted"),
    [
        ([row("a", True)], True, "ready"),
        ([row("a", False, "ImportError")], True, "failed"),
        ([row("a", False, "Pending")], True, "loading"),
        ([], True, "loading"),
        ([], False, "loading"),
    ],
)
def test_a_graph_is_shown_as_its_worker_tells(
    tmp_path: Path, rows: list[dict[str, Any]], up: bool, wanted: str
) -> None:
    folder = make_folder(tmp_path, ("a", "a", ""))
    (line,) = make_lines(folder, state_of(folder, *rows, up=up))
    assert line.state == wanted


def test_a_suspended_graph_stays_in_the_table_so_that_callers_learn_why(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, ("a", "a", ", suspend: true"))
    table = make_table(folder, {}, 1)
    assert table.assistants["a"].suspended
    assert table.assistants["a"].reason == "Suspended"


def test_the_loser_of_a_conflict_is_shown_and_does_not_reach_the_table(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, ("one", "x", ""), ("two", "x", ""))
    states = state_of(folder, row("x", True))
    assert [line.state for line in make_lines(folder, states)] == ["ready", "refused"]
    assert list(make_table(folder, states, 1).assistants) == ["x"]


def test_a_pool_without_a_worker_has_no_endpoint(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, ("a", "a", ""))
    table = make_table(folder, state_of(folder, up=False), 3)
    assert table.pools["email"].endpoints == []
    assert table.generation == 3
