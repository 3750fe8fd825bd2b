"""The identity of a pool's pods: one without rights and without a token."""

from __future__ import annotations

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import Manifest


def choose_service_account_name(pool: Pool) -> str:
    """The account that the pool names, or the one made for it."""
    return pool.spec.worker.service_account_name or names.make_pool_name(pool.capability)


def make_service_account(pool: Pool) -> Manifest | None:
    """The pool's own account; None when the pool names one that somebody else manages."""
    if pool.spec.worker.service_account_name:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": make_metadata(pool, names.make_pool_name(pool.capability)),
        "automountServiceAccountToken": False,
    }
