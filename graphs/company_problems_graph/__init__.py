"""company_problems: what a company's own words tell of its troubles, each with a quotation."""

from graphs.company_problems_graph.nodes import build_graph

graph = build_graph()

__all__ = ["build_graph", "graph"]
