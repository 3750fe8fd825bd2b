"""Name, labels and owners that all children of a pool share."""

from __future__ import annotations

from typing import Any

from graphwarden.api import names
from graphwarden.api.fleet import Pool


def make_metadata(pool: Pool, name: str) -> dict[str, Any]:
    """Metadata of one child."""
    return {
        "name": name,
        "namespace": pool.namespace,
        "labels": names.make_labels(pool.capability),
        "ownerReferences": make_owner_references(pool),
    }


def make_owner_references(pool: Pool) -> list[dict[str, Any]]:
    """Who keeps the children alive: the GraphPool, or else every accepted GraphSpec of the pool.

    With one reference per GraphSpec, the garbage collector removes the children with the last of
    them, also while no operator runs.
    """
    if pool.graphpool is not None:
        meta = pool.graphpool.metadata
        return [{**_reference("GraphPool", meta.name, meta.uid), "controller": True}]
    metas = sorted((graph.metadata for graph in pool.graphs), key=lambda meta: meta.name)
    return [_reference("GraphSpec", meta.name, meta.uid) for meta in metas]


def _reference(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": names.API_VERSION, "kind": kind, "name": name, "uid": uid}
