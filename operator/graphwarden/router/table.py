"""The route table as the data path reads it: one immutable value, swapped as a whole. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphwarden.api import names
from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable


@dataclass(frozen=True, slots=True)
class Table:
    """Pools and graphs, with the graphs also by the id of their default assistant."""

    generation: int = 0
    pools: Mapping[str, PoolRoute] = field(default_factory=dict)
    assistants: Mapping[str, AssistantRoute] = field(default_factory=dict)
    by_uuid: Mapping[str, str] = field(default_factory=dict)
    storage_pools: tuple[str, ...] = ()
    endpoints: frozenset[str] = frozenset()

    def find(self, assistant: str) -> str | None:
        """The assistant id that a name or a default assistant's UUID stands for."""
        if assistant in self.assistants:
            return assistant
        return self.by_uuid.get(assistant.lower())


def make_table(document: RouteTable) -> Table:
    """Index a route table document."""
    return Table(
        generation=document.generation,
        pools=document.pools,
        assistants=document.assistants,
        by_uuid={names.assistant_uuid(name): name for name in document.assistants},
        endpoints=frozenset(e for pool in document.pools.values() for e in pool.endpoints),
        storage_pools=tuple(
            sorted(
                (name for name, pool in document.pools.items() if pool.has_storage),
                # Pools with workers come first: a call that any may answer should not wait.
                key=lambda name: (not document.pools[name].endpoints, name),
            )
        ),
    )
