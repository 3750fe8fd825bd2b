"""From what an API server publishes to the schema files that kubeconform reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

# Where kubeconform finds what `write_schemas` wrote.
LOCATION: Final = "{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"

_SHARED: Final = "definitions.json"
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def write_schemas(openapi: dict[str, Any], folder: Path) -> int:
    """One file per kind, and one that they share; how many kinds there are.

    Args:
        openapi: the document at /openapi/v2.
        folder: exists, and is filled.
    """
    definitions = {name: make_strict(node) for name, node in openapi["definitions"].items()}
    definitions[_QUANTITY] = {"type": ["string", "number"]}
    (folder / _SHARED).write_text(json.dumps({"definitions": definitions}))
    count = 0
    for name, node in openapi["definitions"].items():
        for kind in node.get("x-kubernetes-group-version-kind", ()):
            # kubeconform has the version in the place of a group that has no name.
            group = kind["group"] or kind["version"]
            path = f"{group}_{kind['kind'].lower()}_{kind['version']}.json"
            (folder / path).write_text(json.dumps({"$ref": f"{_SHARED}#/definitions/{name}"}))
            count += 1
    return count


def make_strict(node: dict[str, Any]) -> dict[str, Any]:
    """A definition in which a field that is not known is an error."""
    out = {key: value for key, value in node.items() if not key.startswith("x-kubernetes-")}
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if "items" in out:
        out["items"] = make_strict(out["items"])
    if isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = make_strict(out["additionalProperties"])
    if "properties" in out:
        out["properties"] = {key: make_strict(child) for key, child in out["properties"].items()}
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            out.setdefault("additionalProperties", False)
    return out
