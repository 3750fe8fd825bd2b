from __future__ import annotations

from pathlib import Path

import pytest

from graphwarden.local.folder import is_module_missing


@pytest.mark.parametrize(
    ("module", "missing"),
    [
        ("flows.a_graph", False),
        ("flows.a_graph.nodes", False),
        ("flows.one", False),
        ("flows.b_graph", True),
        ("flows.a_graph.node", True),
        ("installed_package.graph", False),
    ],
)
def test_a_module_is_missing_when_its_package_stands_here_without_it(
    tmp_path: Path, module: str, missing: bool
) -> None:
    (tmp_path / "flows" / "a_graph").mkdir(parents=True)
    for name in ("a_graph/__init__.py", "a_graph/nodes.py", "one.py"):
        (tmp_path / "flows" / name).write_text("")
    assert is_module_missing(module, tmp_path) is missing
