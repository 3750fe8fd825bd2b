"""vertical_discovery: companies of a vertical market, by its definition and the sources it names.

A vertical is a file of TOML in `verticals/`, or in the folder of SALES_VERTICALS. Its searches go
to the service that the pool's environment names (SALES_SEARCH_URL), its directories are public
pages. Each site found is judged by its first page, by rules or by a model.
"""

from graphs.vertical_discovery_graph.nodes import build_graph, graph

__all__ = ["build_graph", "graph"]
