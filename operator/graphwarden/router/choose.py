"""Which worker of a pool gets a call. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence, Set


def choose_endpoint(
    endpoints: Sequence[str], busy: Mapping[str, int], avoid: Set[str], turn: int
) -> str | None:
    """The least busy endpoint.

    Args:
        endpoints: the pool's ready workers.
        busy: calls in flight per endpoint.
        avoid: endpoints that refused this call; used only when all did.
        turn: counts calls; among equally busy endpoints they take turns.

    Returns:
        An endpoint, or None when the pool has none.
    """
    candidates = [e for e in endpoints if e not in avoid] or list(endpoints)
    if not candidates:
        return None
    start = turn % len(candidates)
    rotated = [*candidates[start:], *candidates[:start]]
    return min(rotated, key=lambda endpoint: busy.get(endpoint, 0))


def choose_for_key(endpoints: Sequence[str], key: str, avoid: Collection[str]) -> str | None:
    """The endpoint that all calls with one key go to, on every router alike.

    Highest random weight: when a worker comes or goes, only the keys move that it gets or had.
    """
    candidates = [e for e in endpoints if e not in avoid] or endpoints
    return max(candidates, key=lambda endpoint: _weigh(endpoint, key), default=None)


def _weigh(endpoint: str, key: str) -> bytes:
    return hashlib.blake2b(f"{endpoint}\n{key}".encode(), digest_size=8).digest()
