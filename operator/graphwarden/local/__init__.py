"""Embedded mode: the fleet of a folder of manifests as processes on this machine."""
