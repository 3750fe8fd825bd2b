"""From the definitions in `crds/` to a page for people.

`python -m graphwarden.api.reference FILE` writes it; with `--check` it fails when it differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from graphwarden.api.crd import make_crds, make_schema
from graphwarden.api.graphpool import GraphPoolSpec
from graphwarden.api.graphspec import GraphSpecSpec

_SPECS: dict[str, type[BaseModel]] = {"GraphSpec": GraphSpecSpec, "GraphPool": GraphPoolSpec}
_HEAD = """# Reference of GraphSpec and GraphPool

Generated from the models by `make generate`. A GraphPool has no defaults in its schema: what it
leaves out comes from the chart's `poolDefaults`, and then from the defaults shown here.
"""
_LIMITS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("maxItems", "at most {} items"),
    ("pattern", "`{}`"),
)


def render_reference() -> str:
    """The page."""
    kinds = ("\n".join(_render_kind(crd)) for crd in make_crds().values())
    return "\n".join([_HEAD, *kinds]) + "\n"


def _render_kind(crd: dict[str, Any]) -> Iterator[str]:
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    group = crd["spec"]["group"]
    yield f"## {names['kind']} (`{names['shortNames'][0]}`), {group}/{version['name']}"
    # With the defaults of the models, which the API server is not always told.
    spec = make_schema(_SPECS[names["kind"]], with_defaults=True)
    for part, node in (("spec", spec), ("status", schema["properties"]["status"])):
        yield f"\n### {part}\n\n| field | type | limits | meaning |\n|---|---|---|---|"
        yield from _render_fields(node, "")
    rules = [
        rule["message"]
        for node in (schema, schema["properties"]["spec"])
        for rule in node.get("x-kubernetes-validations", [])
    ]
    yield "\n### Rules\n"
    yield from (f"- {message}" for message in rules)
    yield ""


def _render_fields(node: dict[str, Any], path: str) -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield "| " + " | ".join(_render_row(here, child, name in node.get("required", ()))) + " |"
        inner = child.get("items", child)
        yield from _render_fields(inner, here + ("[]" if "items" in child else ""))


def _render_row(path: str, node: dict[str, Any], required: bool) -> tuple[str, str, str, str]:
    limits = [text.format(node[key]) for key, text in _LIMITS if key in node]
    if required:
        limits.insert(0, "required")
    if node.get("enum"):
        limits.append(", ".join(f"`{value}`" for value in node["enum"]))
    if "default" in node and node["default"] not in ({}, [], ""):
        limits.append(f"default `{json.dumps(node['default'])}`")
    text = " ".join(str(node.get("description", "")).split())
    return f"`{path}`", _name_type(node), _escape("; ".join(limits)), _escape(text)


def _name_type(node: dict[str, Any]) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "integer or string"
    kind = str(node.get("type", "any"))
    if kind == "array":
        return f"list of {_name_type(node.get('items', {}))}"
    if kind == "object" and "additionalProperties" in node:
        return f"map of {_name_type(node['additionalProperties'])}"
    return "free form" if node.get("x-kubernetes-preserve-unknown-fields") else kind


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write or check the page; 1 when it differs."""
    parser = argparse.ArgumentParser(prog="graphwarden.api.reference", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    options = parser.parse_args()
    text = render_reference()
    if options.file.exists() and options.file.read_text() == text:
        return 0
    if options.check:
        print(f"out of date: {options.file}; run `make generate`", file=sys.stderr)
        return 1
    options.file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
