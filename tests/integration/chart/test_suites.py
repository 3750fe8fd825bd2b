"""The chart's suites for helm-unittest, and its README against its values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from integration.chart.conftest import Tool

CHART = Path(__file__).parents[3] / "charts/graphwarden"


def test_every_suite_of_the_chart_passes(tool: Tool) -> None:
    done = tool("helm-unittest", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_is_the_generated_one_and_explains_every_value(tool: Tool) -> None:
    place = f"--chart-search-root={CHART}"
    done = tool("helm-docs", place, "--sort-values-order=file", "--log-level=error", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (CHART / "README.md").read_text().strip(), "make chart-docs"
    rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert [row for row in rows if row.endswith("|  |")] == []


def test_schema_and_values_name_the_same() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    named = {path for path in _list_paths(schema, schema) if not path.startswith("global")}
    assert named == set(_list_values(values, named))


def _list_paths(node: dict[str, Any], schema: dict[str, Any], path: str = "") -> list[str]:
    """Every value that the schema describes by name; free-form objects are one value."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        # Written by others, or for each user anew: as a whole.
        node = {} if name in ("graphPoolSpec", "resources") else schema["$defs"][name]
    children = node.get("properties")
    if not children:
        return [path]
    dot = f"{path}." if path else ""
    return [leaf for key in children for leaf in _list_paths(children[key], schema, dot + key)]


def _list_values(values: Any, named: set[str], path: str = "") -> list[str]:
    if path in named or not isinstance(values, dict):
        return [path]
    dot = f"{path}." if path else ""
    return [leaf for key in values for leaf in _list_values(values[key], named, dot + key)]
