"""Whether the cluster's definitions of the two resources are those of this program. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphwarden.api import names
from graphwarden.api.crd import make_crds


@dataclass(frozen=True)
class Skew:
    """Fields of one resource that only one side knows: `missing` in the cluster, `unknown` here."""

    kind: str
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def explain(self) -> str | None:
        """What it means and what to do, as a sentence; None when both sides agree."""
        if self.missing:
            return (
                f"the cluster's definition of {self.kind} is older than this operator: the API "
                f"server drops {', '.join(self.missing)} from what users write; "
                "kubectl apply --server-side --force-conflicts -f crds/"
            )
        if self.unknown:
            return (
                f"the cluster's definition of {self.kind} is newer than this operator, which does "
                f"nothing about {', '.join(self.unknown)}; upgrade the operator"
            )
        return None


def find_skew(document: Mapping[str, Any]) -> list[Skew]:
    """Compare this program's models with `/openapi/v3/apis/graphwarden.dev/v1alpha1`."""
    served = _find_schemas(document)
    return [
        _compare(crd["spec"]["names"]["kind"], crd, served)
        for crd in make_crds().values()
        if crd["spec"]["names"]["kind"] in served
    ]


def _compare(kind: str, crd: Mapping[str, Any], served: Mapping[str, Any]) -> Skew:
    ours = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    wanted = set(list_fields(ours, "spec"))
    theirs = served[kind].get("properties", {}).get("spec", {})
    found = set(list_fields(theirs, "spec"))
    return Skew(kind, tuple(sorted(wanted - found)), tuple(sorted(found - wanted)))


def _find_schemas(document: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas by kind, of our group and version."""
    mine = {"group": names.GROUP, "version": names.VERSION}
    return {
        place["kind"]: schema
        for schema in document.get("components", {}).get("schemas", {}).values()
        for place in schema.get("x-kubernetes-group-version-kind", [])
        if {key: place.get(key) for key in mine} == mine
    }


def list_fields(node: Mapping[str, Any], path: str) -> Iterator[str]:
    """Every field below a schema node, as a path."""
    for name, child in node.get("properties", {}).items():
        here = f"{path}.{name}"
        yield here
        yield from list_fields(child.get("items", child), here)
