"""The data plane: one process loads a pool's graphs and serves the LangGraph API for them."""
