"""Graphs that the tests serve; loaded by name from this folder's parent as a worker's app-dir."""
