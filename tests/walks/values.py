"""The values of both resources, by the name of the field. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from walks.graph_values import GRAPH
from walks.hand import Hand
from walks.pool_values import POOL

HANDS: Final[Mapping[str, Hand]] = {
    **{f"GraphSpec.{path}": hand for path, hand in GRAPH.items()},
    **{f"GraphPool.{path}": hand for path, hand in POOL.items()},
}
