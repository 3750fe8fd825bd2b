"""The graphs this worker serves: one slot per registry row, loaded one after the other.

Modules are imported one at a time, since Python hands out half-initialised modules when two
threads import a cycle from both ends. An import that takes long is left running in the background
while the next one starts.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from langgraph.store.base import BaseStore

from graphwarden.api import names
from graphwarden.api.errors import Reason
from graphwarden.api.registry import Registry, Row
from graphwarden.worker.errors import (
    not_started,
    thread_or_assistant_not_found,
    unknown_assistant,
)
from graphwarden.worker.loader import (
    Checkpointer,
    LoadedGraph,
    LoadFailure,
    LoadReason,
    give_items,
    load_graph,
)
from graphwarden.worker.metrics import Metrics

logger = logging.getLogger(__name__)

# An import that brings in no module for so long is stuck, or busy by itself.
_STUCK_IMPORT_SECONDS = 1.0
# How long nothing loads until loading counts as over.
_QUIET_SECONDS = 1.0


@dataclass(slots=True)
class Slot:
    """One row, and what became of it. `graph` stays the last good build when a new one fails."""

    row: Row
    graph: LoadedGraph | None = None
    failure: LoadFailure | None = None
    in_flight: int = 0
    loading: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def loaded(self) -> bool:
        """Whether this very row can be called."""
        return self.graph is not None and self.graph.row == self.row

    def describe(self) -> dict[str, Any]:
        """The slot's line in the load table."""
        pending = None if self.loaded else LoadReason.PENDING
        return {
            "assistant_id": self.row.assistant_id,
            "generation": self.row.generation,
            "loaded": self.loaded,
            "reason": self.failure.reason if self.failure else pending,
            "message": self.failure.message if self.failure else None,
            "resumable": self.row.resumable,
            "in_flight": self.in_flight,
        }


class Graphs:
    """All slots of this worker, by assistant id. Changes as the registry file does."""

    def __init__(self, metrics: Metrics) -> None:
        self.slots: dict[str, Slot] = {}
        self._metrics = metrics
        self._checkpointer: Checkpointer | None = None
        self._items: BaseStore | None = None
        self._storage_settled = True
        self._turn = asyncio.Lock()
        # Called whenever loading is over, on the loop.
        self.on_quiet: Callable[[], None] | None = None
        self._quiet: asyncio.TimerHandle | None = None

    @property
    def any_loaded(self) -> bool:
        """Whether at least one graph can be called."""
        return any(slot.graph is not None for slot in self.slots.values())

    def apply(self, registry: Registry) -> None:
        """Make the slots what the registry says: new rows load, gone ones go, others change."""
        wanted = {row.assistant_id: row for row in registry.graphs}
        for assistant_id in self.slots.keys() - wanted.keys():
            self._drop(assistant_id)
        for assistant_id, row in wanted.items():
            slot = self.slots.get(assistant_id)
            if slot is None:
                self.slots[assistant_id] = slot = Slot(row)
                self._metrics.graph_changed(assistant_id, loaded=False)
                self._load(slot)
            elif slot.row != row:
                self._change(slot, row)

    def expect_storage(self) -> None:
        """Resumable rows wait: whether the database can be reached is not known yet."""
        self._storage_settled = False

    def use_storage(
        self, checkpointer: Checkpointer | None, items: BaseStore | None = None
    ) -> None:
        """Resumable rows can be built, or must be told that there is no database."""
        self._checkpointer = checkpointer
        self._items = items
        self._storage_settled = True
        for slot in self.slots.values():
            if slot.graph is not None:
                slot.graph = give_items(slot.graph, items)
            if slot.row.resumable and not slot.loaded:
                self._load(slot)

    def resolve(self, assistant_id: str) -> Slot:
        """The slot of a graph name, or of the UUID of a graph's default assistant.

        Raises:
            ApiError: 422 for an unknown name, 404 for an unknown UUID, as the reference has it.
        """
        slot = self.slots.get(assistant_id)
        if slot is not None:
            return slot
        for name, candidate in self.slots.items():
            if names.assistant_uuid(name) == assistant_id.lower():
                return candidate
        raise (
            thread_or_assistant_not_found()
            if _is_uuid(assistant_id)
            else unknown_assistant(assistant_id, list(self.slots))
        )

    def require(self, slot: Slot) -> LoadedGraph:
        """The slot's graph.

        Raises:
            ApiError: 503 "not started" while there is none, with the reason.
        """
        if slot.graph is not None:
            return slot.graph
        told = slot.describe()
        detail = f"graph '{slot.row.assistant_id}' is not loaded: {told['reason']}"
        if told["message"]:
            detail += f": {told['message']}"
        raise not_started(Reason.GRAPH_NOT_LOADED, detail)

    def _drop(self, assistant_id: str) -> None:
        slot = self.slots.pop(assistant_id)
        if slot.loading is not None:
            slot.loading.cancel()
        self._metrics.graph_removed(assistant_id)
        self._changed()
        logger.info("graph removed", extra={"assistant_id": assistant_id})

    def _change(self, slot: Slot, row: Row) -> None:
        """Context and bounds take effect with the next run; other changes build anew."""
        same_build = slot.loaded and _build_key(slot.row) == _build_key(row)
        slot.row = row
        if same_build and slot.graph is not None:
            slot.graph = replace(slot.graph, row=row)
            logger.info("graph settings changed", extra={"assistant_id": row.assistant_id})
            return
        self._load(slot)

    def _load(self, slot: Slot) -> None:
        if slot.loading is not None:
            slot.loading.cancel()
        slot.failure = None
        slot.loading = asyncio.create_task(self._load_in_turn(slot, slot.row))

    async def _load_in_turn(self, slot: Slot, row: Row) -> None:
        if row.resumable and not self._storage_settled:
            return
        try:
            slot.graph = give_items(await self._build(row), self._items)
            slot.failure = None
            logger.info("graph loaded", extra={"assistant_id": row.assistant_id})
        except LoadFailure as failure:
            slot.failure = failure
            logger.error(
                "graph not loaded",
                extra={
                    "assistant_id": row.assistant_id,
                    "reason": failure.reason,
                    "detail": failure.message,
                },
            )
        self._metrics.graph_changed(row.assistant_id, slot.loaded)
        self._changed()

    def _changed(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._tell_quiet)

    def _tell_quiet(self) -> None:
        """Where something loads still, its end tells."""
        loads = any(slot.loading and not slot.loading.done() for slot in self.slots.values())
        if self.on_quiet is not None and not loads:
            self.on_quiet()

    async def _build(self, row: Row) -> LoadedGraph:
        """One import at a time, as long as it gets on.

        Two threads that import packages with circular imports wait for each other's modules; Python
        breaks that deadlock by handing out half-made ones (importlib's `_DeadlockError`).
        """
        work: asyncio.Task[LoadedGraph] | None = None
        try:
            async with self._turn:
                work = asyncio.create_task(load_graph(row, self._checkpointer))
                if not await _ends_or_gets_stuck(work):
                    more = {"assistant_id": row.assistant_id}
                    logger.warning("graph is slow to load", extra=more)
            return await work
        finally:
            if work is not None:
                work.cancel()


async def _ends_or_gets_stuck(work: asyncio.Task[LoadedGraph]) -> bool:
    """Whether the work ended; else it brought in no module for a while."""
    known = -1
    while not work.done() and known != len(sys.modules):
        known = len(sys.modules)
        await asyncio.wait({work}, timeout=_STUCK_IMPORT_SECONDS)
    return work.done()


def _build_key(row: Row) -> tuple[Any, ...]:
    return (row.module, row.compiled_attr, row.builder_attr, row.resumable)


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4
