"""What the API server should hold for one pool. Pure: a pool in, manifests out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphwarden.api.fleet import Pool
from graphwarden.control.desired.account import make_service_account
from graphwarden.control.desired.autoscaler import make_autoscaler
from graphwarden.control.desired.deployment import make_deployment
from graphwarden.control.desired.disruption import make_disruption_budget
from graphwarden.control.desired.keda import make_scaled_object
from graphwarden.control.desired.network import make_network_policy
from graphwarden.control.desired.registry import make_registry_map
from graphwarden.control.desired.service import make_service
from graphwarden.control.kinds import Manifest


def make_children(pool: Pool) -> list[Manifest]:
    """Every child of the pool, in the order in which they are applied."""
    children = [
        make_service_account(pool),
        make_registry_map(pool),
        make_network_policy(pool),
        make_service(pool),
        make_deployment(pool),
        make_autoscaler(pool),
        make_scaled_object(pool),
        make_disruption_budget(pool),
    ]
    return [drop_nulls(child) for child in children if child is not None]


def drop_nulls(value: Any) -> Any:
    """The value without the fields that are null: they ask for nothing.

    The API server puts its defaults there, which would look like a difference for ever.
    """
    if isinstance(value, Mapping):
        return {key: drop_nulls(below) for key, below in value.items() if below is not None}
    return [drop_nulls(item) for item in value] if isinstance(value, list) else value
