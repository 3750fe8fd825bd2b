"""The router: sends each call to the pool that owns the graph."""
