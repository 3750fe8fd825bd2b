"""The children of a walk's pool as values that can be compared. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

NUDGE: Final = "walks/nudge"
_REGISTRY_KEY: Final = "registry.json"
_NOT_COMPARED: Final = (
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
)

Snapshot = Mapping[str, Mapping[str, Any]]
# Type of a condition to status, reason and message.
Conditions = Mapping[str, tuple[str, str, str]]


def make_snapshot(children: list[dict[str, Any]]) -> Snapshot:
    """Children by kind and name, without what changes by itself."""
    return {f"{c['kind']} {c['metadata']['name']}": _strip(c) for c in children}


def _strip(child: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {key: value for key, value in child.items() if key != "status"}
    kept["metadata"] = {k: v for k, v in child["metadata"].items() if k not in _NOT_COMPARED}
    if child["kind"] == "ConfigMap":
        kept["data"] = {key: _strip_rows(text) for key, text in child.get("data", {}).items()}
    return kept


def _strip_rows(text: str) -> Any:
    # Each row has its GraphSpec's generation, which grows when a change is taken back too.
    registry = json.loads(text)
    for row in registry["graphs"]:
        row.pop("generation")
    return registry


def list_differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where two snapshots differ, each place as a path and what stands there."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            here = f"{path}.{key}" if path else str(key)
            yield from list_differences(before.get(key), after.get(key), here)
    elif type(before) is not type(after) or before != after:
        yield f"{path}: {_shorten(before)} became {_shorten(after)}"


def find_changed_kinds(before: Snapshot, after: Snapshot) -> set[str]:
    """The kinds of which some child came, went or changed."""
    keys = {*before, *after}
    return {key.partition(" ")[0] for key in keys if before.get(key) != after.get(key)}


def read_conditions(*bodies: Mapping[str, Any]) -> Conditions:
    """The conditions of several objects; types get the object's kind in front."""
    return {
        f"{body['kind']}.{c['type']}": (c["status"], c["reason"], c.get("message", ""))
        for body in bodies
        for c in body.get("status", {}).get("conditions", ())
    }


def find_new_reasons(before: Conditions, after: Conditions) -> list[str]:
    """The messages of conditions that say something else than before."""
    return [
        f"{kind}={status}, {reason}: {message}"
        for kind, (status, reason, message) in after.items()
        if before.get(kind, ("", "", ""))[:2] != (status, reason)
    ]


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 120 else text[:117] + "..."
