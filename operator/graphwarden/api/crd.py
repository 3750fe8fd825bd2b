"""From the models to the CustomResourceDefinitions in `crds/`.

`python -m graphwarden.api.crd DIRECTORY` writes them; with `--check` it fails when they differ.
Kubernetes wants a structural schema (KEP-1693 and the apiextensions/v1 docs): no references, no
unions but nullable, and free-form objects marked as such.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from graphwarden.api import graphpool, graphspec, names

_DROPPED = {"title", "$defs", "propertyNames"}
_FREE_FORM = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def make_crds() -> dict[str, dict[str, Any]]:
    """Both CustomResourceDefinitions by file name."""
    return {
        f"{names.GROUP}_{names.GRAPHSPECS}.yaml": _make_graphspec_crd(),
        f"{names.GROUP}_{names.GRAPHPOOLS}.yaml": _make_graphpool_crd(),
    }


def render_crd(crd: dict[str, Any]) -> str:
    """The YAML text of one definition."""
    return yaml.safe_dump(crd, sort_keys=False, width=100, allow_unicode=True)


def make_schema(
    model: type[BaseModel], *, with_defaults: bool, nullable: bool = False
) -> dict[str, Any]:
    """The structural schema of a model.

    Args:
        model: the pydantic model, spelled by its aliases.
        with_defaults: whether the API server fills defaults in. A GraphPool keeps none, or a
            field that nobody set would hide the chart's default.
        nullable: whether null stands for an object without any field.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(
        schema, schema.get("$defs", {}), with_defaults=with_defaults, nullable=nullable
    )


def _structural(
    node: dict[str, Any], definitions: dict[str, Any], *, with_defaults: bool, nullable: bool
) -> dict[str, Any]:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
    if "anyOf" in node:
        node = _resolve_union(node)
        if "$ref" in node:
            return _structural(node, definitions, with_defaults=with_defaults, nullable=nullable)
    out = {k: v for k, v in node.items() if k not in _DROPPED}
    may_be_absent = out.get("default", "") is None
    if not with_defaults or may_be_absent:
        out.pop("default", None)
    out.pop("const", None)
    if "properties" in out:
        out["properties"] = {
            name: _structural(child, definitions, with_defaults=with_defaults, nullable=nullable)
            for name, child in out["properties"].items()
        }
    elif out.get("type") == "object":
        out = _make_map(out, definitions, with_defaults=with_defaults, nullable=nullable)
    if "items" in out:
        out["items"] = _structural(
            out["items"], definitions, with_defaults=with_defaults, nullable=nullable
        )
    if with_defaults and not may_be_absent and _is_optional_object(out):
        out["default"] = {}
    if nullable and out.get("type") == "object" and out.get("properties"):
        # Server-side apply leaves null where the last field of an object is taken back.
        out["nullable"] = True
    return out


def _resolve_union(node: dict[str, Any]) -> dict[str, Any]:
    rest = {k: v for k, v in node.items() if k != "anyOf"}
    options = [option for option in node["anyOf"] if option.get("type") != "null"]
    if len(options) == 1:
        return {**options[0], **rest}
    # The one real union of these resources is Kubernetes' own IntOrString.
    return {**rest, "x-kubernetes-int-or-string": True}


def _make_map(
    node: dict[str, Any], definitions: dict[str, Any], *, with_defaults: bool, nullable: bool
) -> dict[str, Any]:
    values = node.pop("additionalProperties", True)
    if not isinstance(values, dict) or not values:
        return {**node, **_FREE_FORM}
    child = _structural(values, definitions, with_defaults=with_defaults, nullable=nullable)
    return {**node, "additionalProperties": child}


def _is_optional_object(node: dict[str, Any]) -> bool:
    is_plain = node.get("type") == "object" and "default" not in node
    return is_plain and bool(node.get("properties")) and not node.get("required")


def _make_version(
    spec: dict[str, Any], status: dict[str, Any], *, columns: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    root: dict[str, Any] = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    root.update(more.pop("root", {}))
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}, **more.pop("subresources", {})},
        "additionalPrinterColumns": columns,
        **more,
    }


def _make_crd(plural: str, kind: str, short: list[str], version: dict[str, Any]) -> dict[str, Any]:
    singular = kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": singular,
                "shortNames": short,
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _column(name: str, path: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, **more}


def _condition_column(name: str, condition: str, field: str = "status", **more: Any) -> Any:
    return _column(name, f'.status.conditions[?(@.type=="{condition}")].{field}', **more)


_AGE = _column("Age", ".metadata.creationTimestamp", "date")


def _make_graphspec_crd() -> dict[str, Any]:
    spec = make_schema(graphspec.GraphSpecSpec, with_defaults=True)
    spec["x-kubernetes-validations"] = graphspec.SPEC_RULES
    status = make_schema(graphspec.GraphSpecStatus, with_defaults=False)
    version = _make_version(
        spec,
        _as_status(status),
        columns=[
            _column("Assistant", ".spec.assistantID"),
            _column("Capability", ".spec.capability"),
            _column("Loaded", ".status.loaded"),
            _condition_column("Ready", "Ready"),
            _condition_column("Reason", "Ready", "reason"),
            _condition_column("Message", "Ready", "message", priority=1),
            _AGE,
        ],
        root={"required": ["spec"]},
        selectableFields=[{"jsonPath": ".spec.capability"}, {"jsonPath": ".spec.assistantID"}],
    )
    return _make_crd(names.GRAPHSPECS, "GraphSpec", ["gs"], version)


def _make_graphpool_crd() -> dict[str, Any]:
    spec = make_schema(graphpool.GraphPoolSpec, with_defaults=False, nullable=True)
    spec["x-kubernetes-validations"] = graphpool.SPEC_RULES
    status = make_schema(graphpool.GraphPoolStatus, with_defaults=False)
    version = _make_version(
        spec,
        _as_status(status),
        columns=[
            _column("Replicas", ".status.replicas", "integer"),
            _column("Ready", ".status.readyReplicas", "integer"),
            _column("Graphs", ".status.graphs.loaded", "integer"),
            _condition_column("Available", "Ready"),
            _condition_column("Reason", "Ready", "reason"),
            _AGE,
        ],
        root={"x-kubernetes-validations": graphpool.NAME_RULES},
        subresources={
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            }
        },
    )
    return _make_crd(names.GRAPHPOOLS, "GraphPool", ["gpool"], version)


def _as_status(status: dict[str, Any]) -> dict[str, Any]:
    # Conditions are a map by type, so that another writer may add one of its own.
    status["properties"]["conditions"] |= {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
    return status


def main() -> int:
    """Write or check the definitions; 1 when a file differs."""
    parser = argparse.ArgumentParser(prog="graphwarden.api.crd", description=__doc__)
    parser.add_argument("directory", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    arguments = parser.parse_args()
    stale = []
    for directory in arguments.directory:
        for name, crd in make_crds().items():
            path, text = directory / name, render_crd(crd)
            if path.exists() and path.read_text() == text:
                continue
            stale.append(str(path))
            if not arguments.check:
                directory.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if stale and arguments.check:
        print(f"out of date: {', '.join(stale)}; run `make generate`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
