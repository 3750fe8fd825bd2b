"""Spans as trees of names, for tests that look at whole traces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

Record = dict[str, Any]


def make_tree(
    records: Iterable[Record], wanted: Callable[[Record], bool] = lambda _: True
) -> list[str]:
    """One line per span, indented by its depth; brothers and sisters by name and what they have.

    Below a span that is not wanted, its children stand in its place.
    """
    spans = list(records)
    known = {span["span_id"] for span in spans}
    below: defaultdict[str | None, list[Record]] = defaultdict(list)
    for span in spans:
        parent = span["parent_span_id"]
        below[parent if parent in known else None].append(span)

    def grow(parent: str | None) -> list[list[str]]:
        branches: list[list[str]] = []
        for span in below[parent]:
            inner = grow(span["span_id"])
            if wanted(span):
                inner = [[span["name"], *(f"  {line}" for branch in inner for line in branch)]]
            branches += inner
        return sorted(branches)

    return [line for branch in grow(None) for line in branch]


def find(records: Iterable[Record], name: str) -> list[Record]:
    """The spans of a name, by their start."""
    return sorted((s for s in records if s["name"] == name), key=lambda s: s["started_at"])
