"""Taking a pool's graphs out of service and bringing them back. Pure.

A drain suspends each GraphSpec of the pool: callers are told at once, runs go on to their end, and
the pods leave. Those it suspended are marked, so that its end leaves alone what was suspended
before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphwarden.api import names
from graphwarden.cli.plugin.pods import Manifest
from graphwarden.cli.plugin.troubles import find_pool


@dataclass(frozen=True)
class Change:
    """One GraphSpec that is to be written."""

    name: str
    patch: dict[str, Any]


def plan_drain(pool: str, graphs: Iterable[Manifest]) -> list[Change]:
    """What suspends the graphs of a pool that are not suspended yet."""
    return [
        _make_change(graph, suspend=True)
        for graph in _members(pool, graphs)
        if not graph["spec"].get("suspend")
    ]


def plan_undo(pool: str, graphs: Iterable[Manifest]) -> list[Change]:
    """What brings back the graphs that a drain suspended, and no others."""
    return [
        _make_change(graph, suspend=False)
        for graph in _members(pool, graphs)
        if names.ANNOTATION_DRAINED in (graph["metadata"].get("annotations") or {})
    ]


def _members(pool: str, graphs: Iterable[Manifest]) -> list[Manifest]:
    # A suspended graph is in no pool as its status has it, so its capability counts.
    members = [
        graph for graph in graphs if pool in (find_pool(graph)[1], graph["spec"].get("capability"))
    ]
    return sorted(members, key=lambda graph: str(graph["metadata"]["name"]))


def _make_change(graph: Manifest, *, suspend: bool) -> Change:
    # Two fields and no version: what the operator writes meanwhile is no conflict.
    mark = "kubectl graphs drain" if suspend else None
    patch = {
        "metadata": {"annotations": {names.ANNOTATION_DRAINED: mark}},
        "spec": {"suspend": suspend},
    }
    return Change(graph["metadata"]["name"], patch)
