"""contact_enrich: what is publicly known of a contact, each field with where it is from."""

from graphs.contact_enrich_graph.nodes import build_graph

graph = build_graph()

__all__ = ["build_graph", "graph"]
