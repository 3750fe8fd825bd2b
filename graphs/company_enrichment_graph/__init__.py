"""company_enrichment: what a company's own site says of it, each fact with its source."""

from graphs.company_enrichment_graph.nodes import build_graph

graph = build_graph()

__all__ = ["build_graph", "graph"]
