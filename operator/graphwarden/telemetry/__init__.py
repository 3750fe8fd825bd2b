"""Logs, trace context and metrics, the same for every plane."""
