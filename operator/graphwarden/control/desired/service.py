"""The Service by which the router finds the pool's pods."""

from __future__ import annotations

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import Manifest


def make_service(pool: Pool) -> Manifest:
    """A ClusterIP Service; the router reads its EndpointSlices and speaks to pods directly."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": make_metadata(pool, names.make_pool_name(pool.capability)),
        "spec": {
            "selector": names.make_selector(pool.capability),
            "ports": [
                {
                    "name": names.WORKER_PORT_NAME,
                    "port": names.WORKER_PORT,
                    "protocol": "TCP",
                    "targetPort": names.WORKER_PORT_NAME,
                }
            ],
        },
    }
