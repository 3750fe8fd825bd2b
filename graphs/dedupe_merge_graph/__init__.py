"""dedupe_merge: rows that are one person or one company become one; a person decides the rest."""

from graphs.dedupe_merge_graph.nodes import build_graph

graph = build_graph()

__all__ = ["build_graph", "graph"]
