"""Waiting for the next event of a thread, wherever its run is.

A run of this worker tells at once. For all others the database is asked, once in a while for all
the threads that somebody here reads: a thousand open streams cost as many questions as one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphwarden.worker.inflight import InFlight

if TYPE_CHECKING:
    from graphwarden.worker.storage.events import EventLog

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.12


@dataclass(eq=False, slots=True)
class _Waiting:
    thread_id: str
    after: int
    told: asyncio.Future[None]


class ThreadNews:
    """Tells the readers of threads of this worker that there is something to read."""

    def __init__(self, events: EventLog, in_flight: InFlight) -> None:
        self._events = events
        self._in_flight = in_flight
        self._waiting: set[_Waiting] = set()
        self._poll: asyncio.Task[None] | None = None

    def listen(self, thread_id: str) -> asyncio.Event | None:
        """What the thread's run sets at its next event, where it runs here.

        To be had before the events are read: what happens meanwhile is not missed then.
        """
        for handle in self._in_flight.handles:
            if handle.thread_id == thread_id and handle.channel is not None:
                return handle.channel.news
        return None

    async def wait(
        self, thread_id: str, after: int, local: asyncio.Event | None, seconds: float
    ) -> None:
        """Return when the thread has an event past a number, or after some time."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(thread_id, after, loop.create_future())
        self._waiting.add(waiting)
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._ask())
        ends: set[asyncio.Future[object]] = {waiting.told}  # type: ignore[arg-type]
        if local is not None:
            ends.add(asyncio.ensure_future(local.wait()))
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(waiting)
            for end in ends:
                end.cancel()

    async def close(self) -> None:
        """Ask no more."""
        if self._poll is not None:
            self._poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poll

    async def _ask(self) -> None:
        while self._waiting:
            await asyncio.sleep(_POLL_SECONDS)
            asked = list(self._waiting)
            try:
                found = await self._events.find_last_of({item.thread_id for item in asked})
            except Exception as error:
                # Readers ask for themselves after a while, and see what is wrong.
                logger.warning("cannot ask for events: %s: %s", type(error).__name__, error)
                continue
            _tell(item for item in asked if found.get(item.thread_id, 0) > item.after)


def _tell(waiting: Iterable[_Waiting]) -> None:
    for item in waiting:
        if not item.told.done():
            item.told.set_result(None)
