"""How many pods of a pool a drain of nodes may take at once."""

from __future__ import annotations

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import Manifest


def make_disruption_budget(pool: Pool) -> Manifest:
    """A PodDisruptionBudget over the pool's pods."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": make_metadata(pool, names.make_pool_name(pool.capability)),
        "spec": {
            "maxUnavailable": pool.spec.disruption.max_unavailable,
            "selector": {"matchLabels": names.make_selector(pool.capability)},
        },
    }
