"""`python -m graphwarden.control crds`: bring the cluster's definitions up to this program's.

Helm installs the definitions of a chart once and never again, so the chart runs this before each
upgrade. A cluster that has newer ones keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphwarden.api.crd import make_crds
from graphwarden.control.cluster import Cluster
from graphwarden.control.kinds import Manifest
from graphwarden.control.skew import list_fields


async def apply_crds(cluster: Cluster) -> list[str]:
    """Apply what is missing or older; a line of text for each definition."""
    lines = []
    for wanted in make_crds().values():
        name = wanted["metadata"]["name"]
        live = await cluster.find_definition(name)
        if live is not None and (unknown := find_unknown(wanted, live)):
            lines.append(f"{name}: left alone, the cluster's is newer: {', '.join(unknown)}")
        elif live is not None and is_same(wanted, live):
            lines.append(f"{name}: up to date")
        else:
            await cluster.apply_definition(wanted)
            lines.append(f"{name}: {'made' if live is None else 'brought up to date'}")
    return lines


def is_same(wanted: Manifest, live: Manifest) -> bool:
    """Whether the live definition has all that we would write."""
    return _covers(live["spec"], wanted["spec"])


def find_unknown(wanted: Manifest, live: Manifest) -> list[str]:
    """Fields of the live spec schema that this program does not know."""
    ours, theirs = (set(list_fields(_spec_schema(crd), "spec")) for crd in (wanted, live))
    return sorted(theirs - ours)


def _spec_schema(crd: Mapping[str, Any]) -> dict[str, Any]:
    version = crd["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def _covers(live: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            _covers(live.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return all(_covers(*pair) for pair in zip(live, wanted, strict=True))
    return bool(live == wanted)
