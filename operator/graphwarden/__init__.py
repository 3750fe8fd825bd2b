"""Graphwarden: LangGraph graphs as Kubernetes objects, one worker pool per capability."""
