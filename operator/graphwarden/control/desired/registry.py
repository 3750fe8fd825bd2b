"""The rows that the pool's workers load."""

from __future__ import annotations

import hashlib

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import Manifest


def make_registry_map(pool: Pool) -> Manifest:
    """The ConfigMap that the pods mount and the workers watch."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": make_metadata(pool, names.make_registry_name(pool.capability)),
        "data": {names.REGISTRY_KEY: pool.registry.to_json()},
    }


def make_registry_revision(pool: Pool) -> str:
    """A short name for the registry's content: the same content gives the same name."""
    return hashlib.sha256(pool.registry.to_json().encode()).hexdigest()[:12]
