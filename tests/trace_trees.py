"""Spans as trees of names, for tests that look at whole traces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Record = dict[str, Any]
Tree = dict[str, Any]


def make_tree(records: Iterable[Record]) -> list[str]:
    """One line per span, indented by its depth; brothers and sisters by name, then by start."""
    spans = list(records)
    known = {span["span_id"] for span in spans}
    below: defaultdict[str | None, list[Record]] = defaultdict(list)
    for span in spans:
        parent = span["parent_span_id"]
        below[parent if parent in known else None].append(span)
    lines: list[str] = []

    def add(parent: str | None, depth: int) -> None:
        for span in sorted(below[parent], key=lambda s: (s["name"], s["started_at"])):
            lines.append("  " * depth + span["name"])
            add(span["span_id"], depth + 1)

    add(None, 0)
    return lines


def find(records: Iterable[Record], name: str) -> list[Record]:
    """The spans of a name, by their start."""
    return sorted((s for s in records if s["name"] == name), key=lambda s: s["started_at"])
