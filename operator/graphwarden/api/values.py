"""From the models to the part of the chart's `values.schema.json` that they decide.

`poolDefaults` is the spec of a GraphPool, and helm refuses it as the operator would. The rest of
the schema is written by hand. `python -m graphwarden.api.values FILE` brings the part up to date;
with `--check` it fails when it differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from graphwarden.api.crd import make_schema
from graphwarden.api.graphpool import GraphPoolSpec

_DEFINITION: Final = "graphPoolSpec"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"


def make_pool_defaults_schema() -> dict[str, Any]:
    """JSON Schema of a GraphPool's spec in which a field that is not known is an error."""
    return _make_strict(make_schema(GraphPoolSpec, with_defaults=False, nullable=True))


def render_values_schema(text: str) -> str:
    """The schema file with the models' part replaced.

    Args:
        text: the file as it is, with or without that part.
    """
    schema: dict[str, Any] = json.loads(text)
    schema.setdefault("$defs", {})[_DEFINITION] = make_pool_defaults_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _make_strict(node: dict[str, Any]) -> dict[str, Any]:
    """A structural schema in the words of JSON Schema, which has no extensions of Kubernetes."""
    out = {k: v for k, v in node.items() if k != "nullable" and not k.startswith("x-kubernetes-")}
    if node.get(_INT_OR_STRING):
        out["type"] = ["integer", "string"]
    elif node.get("nullable"):
        out["type"] = [out["type"], "null"]
    if "items" in out:
        out["items"] = _make_strict(out["items"])
    if "properties" in out:
        out["properties"] = {k: _make_strict(v) for k, v in out["properties"].items()}
        out["additionalProperties"] = False
    elif "additionalProperties" in out:
        out["additionalProperties"] = _make_strict(out["additionalProperties"])
    return out


def main() -> int:
    """Write or check the file; 1 when it differs."""
    parser = argparse.ArgumentParser(prog="graphwarden.api.values", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    options = parser.parse_args()
    before = options.file.read_text()
    after = render_values_schema(before)
    if before == after:
        return 0
    if options.check:
        print(f"out of date: {options.file}; run `make generate`", file=sys.stderr)
        return 1
    options.file.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
