from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphwarden.api.crd import make_crds, render_crd

ROOT = Path(__file__).parents[3]
FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "const", "title"}


def walk(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f"{path}.{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from walk(value, f"{path}[{i}]")


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


@pytest.mark.parametrize("name", make_crds())
def test_the_committed_definition_is_the_generated_one(name: str) -> None:
    assert (ROOT / "crds" / name).read_text() == render_crd(make_crds()[name])


@pytest.mark.parametrize("name", make_crds())
def test_the_schema_is_structural(name: str) -> None:
    for path, node in walk(schema_of(make_crds()[name])):
        if not path.endswith(("properties", "default")):
            assert not FORBIDDEN & set(node), path


def test_a_graphpool_has_no_defaults_that_would_hide_those_of_the_chart() -> None:
    crd = make_crds()["graphwarden.dev_graphpools.yaml"]
    assert not [path for path, node in walk(schema_of(crd)) if "default" in node]


def test_an_object_that_may_be_absent_stays_absent() -> None:
    spec = schema_of(make_crds()["graphwarden.dev_graphspecs.yaml"])["properties"]
    assert "default" not in spec["page"]


def test_an_object_that_is_always_there_is_filled_with_its_defaults() -> None:
    spec = schema_of(make_crds()["graphwarden.dev_graphspecs.yaml"])["properties"]
    assert spec["run"]["default"] == {}
