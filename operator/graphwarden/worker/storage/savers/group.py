"""Writes of many runs, stored together: one round trip and one commit for all that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from graphwarden.worker.storage.fence import StorageBroken
from graphwarden.worker.storage.savers.queue import Place, WriteQueue
from graphwarden.worker.storage.savers.rows import Rows

# Fewer make larger batches, more leave less time unused.
# A batch that takes long leaves its turn to others.
_AT_ONCE: Final = 4
_SLOW_SECONDS: Final = 0.05

Store = Callable[[Sequence[Rows]], Awaitable[None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    rows: Rows
    stored: asyncio.Future[None]


Reserved = Place[_Write]


class GroupWriter:
    """Stores what it is given in batches, each thread's writes in their order.

    Args:
        store: stores all of a batch or nothing, and says why.
        at_once: batches on their way at the same time.
    """

    def __init__(self, store: Store, at_once: int = _AT_ONCE) -> None:
        self._store = store
        self._queue: WriteQueue[_Write] = WriteQueue()
        self._turns = at_once
        self._is_due = False
        self._batches: set[asyncio.Task[None]] = set()

    def reserve(self, thread_id: str) -> Reserved:
        """A place behind the thread's other writes; to be stored or given up."""
        return self._queue.reserve(thread_id)

    def give_up(self, place: Reserved) -> None:
        """Nothing comes of this place."""
        place.given_up = True
        self._wake()

    async def store(self, place: Reserved, rows: Rows) -> None:
        """Store this in its turn; back when it is stored.

        Raises:
            FencedOff: the thread was taken over; nothing is stored.
            StorageBroken: the database is away or full.
        """
        stored = asyncio.get_running_loop().create_future()
        place.fill(_Write(rows, stored), rows.list_keys(), rows.measure_bytes())
        self._wake()
        try:
            await stored
        except asyncio.CancelledError:
            place.given_up = True
            raise

    async def close(self) -> None:
        """Wait for what is ready to be stored, and for what is on its way."""
        while self._is_due or self._batches:
            await asyncio.wait(self._batches) if self._batches else await asyncio.sleep(0)

    def _wake(self) -> None:
        if not self._is_due:
            # Not at once: whoever is ready in this turn of the loop comes along.
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._is_due = False
        while self._turns > 0 and (batch := self._queue.take()):
            self._turns -= 1
            task = asyncio.create_task(self._carry(batch))
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    async def _carry(self, batch: list[Reserved]) -> None:
        slow = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._next_turn)
        try:
            await self._attempt([place.content for place in batch if place.content is not None])
        finally:
            self._queue.give_back(batch)
            if slow.when() > asyncio.get_running_loop().time():
                slow.cancel()
                self._turns += 1
            self._wake()

    def _next_turn(self) -> None:
        self._turns += 1
        self._wake()

    async def _attempt(self, writes: Sequence[_Write]) -> None:
        try:
            await self._store([write.rows for write in writes])
        except Exception as error:
            if len(writes) == 1 or isinstance(error, StorageBroken):
                for write in writes:
                    if not write.stored.done():
                        write.stored.set_exception(error)
                return
            # One of them is at fault; none is stored. Each for itself.
            for write in writes:
                await self._attempt([write])
        else:
            for write in writes:
                if not write.stored.done():
                    write.stored.set_result(None)
