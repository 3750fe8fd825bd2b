"""email_reply: read one inbound mail and draft the answer to it."""

from graphs.email_reply_graph.nodes import build_email_reply_graph

build_graph = build_email_reply_graph
graph = build_email_reply_graph()

__all__ = ["build_email_reply_graph", "build_graph", "graph"]
