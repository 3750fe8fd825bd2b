"""The fields of a CRD's spec, as its schema has them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_CRDS: Final = Path(__file__).parents[2] / "crds"
KINDS: Final = ("GraphSpec", "GraphPool")

# What stands in a path for the first item of a list.
ITEM: Final = "0"


@dataclass(frozen=True)
class Field:
    """One field below spec, with its schema. A group is an object with fields of its own."""

    kind: str
    path: tuple[str, ...]
    schema: Mapping[str, Any]
    required: bool = False
    in_nullable: bool = False

    @property
    def name(self) -> str:
        """`GraphPool.worker.image`; the items of a list are `0`."""
        return ".".join((self.kind, *self.path))

    @property
    def is_group(self) -> bool:
        """Whether it has fields of its own."""
        return "properties" in self.schema


def read_crds(folder: Path = _CRDS) -> dict[str, Mapping[str, Any]]:
    """The schema of `spec` by kind, from the generated files."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())["spec"]
        schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
        found[spec["names"]["kind"]] = schema["properties"]["spec"]
    return found


def list_fields(kind: str, schema: Mapping[str, Any]) -> list[Field]:
    """Every field below the schema of a spec, groups before what is in them."""
    return list(_walk(kind, schema, ()))


def _walk(kind: str, schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Field]:
    for name, below in schema.get("properties", {}).items():
        here = (*path, name)
        required = name in schema.get("required", ())
        yield Field(kind, here, below, required, bool(schema.get("nullable")))
        yield from _walk(kind, below, here)
        yield from _walk(kind, below.get("items", {}), (*here, ITEM))
