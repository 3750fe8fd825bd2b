"""The way of a run's events from the run to its readers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphwarden.worker.encoding import dumps
from graphwarden.worker.runs import Outcome
from graphwarden.worker.sse import render_event

_EVENTS_UNDER_WAY = 256
_BATCH = 64
# What a run that nobody reads yet keeps for its first reader.
_BACKLOG_EVENTS = _EVENTS_UNDER_WAY - 1

# How a run ended: stored after its last event, for readers of the thread, and sent to nobody.
END_OF_RUN = "$end"

Record = Callable[[Sequence[tuple[str, bytes]]], Awaitable[Sequence[int]]]


class EventQueue:
    """Events of one run on their way to one reader, as bytes.

    A full queue slows the run down for the reader that started it, and loses any other reader.
    When the reader has left, events are dropped and the run goes on.
    """

    def __init__(self, *, patient: bool = True, modes: frozenset[str] | None = None) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_EVENTS_UNDER_WAY)
        self._patient = patient
        self._modes = modes
        self.is_read = True
        # The reader was too slow and has missed events.
        self.overrun = False

    async def put(self, event: bytes) -> None:
        """Send one event."""
        if not self.is_read or (self._modes is not None and not is_of_mode(event, self._modes)):
            return
        if self._patient:
            await self._queue.put(event)
            return
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.overrun = True
            self.leave()
            self._queue.put_nowait(None)

    def take_over(self, event: bytes | None) -> None:
        """Something that happened before there was a reader; None: it is over."""
        if event is None or self._modes is None or is_of_mode(event, self._modes):
            with contextlib.suppress(asyncio.QueueFull):
                self._queue.put_nowait(event)

    async def close(self) -> None:
        """No more events will come."""
        if self.is_read and not self._patient and self._queue.full():
            self.overrun = True
            self._queue.get_nowait()
        if self.is_read:
            await self._queue.put(None)

    def leave(self) -> None:
        """The reader has gone: unblock the run."""
        self.is_read = False
        while not self._queue.empty():
            self._queue.get_nowait()

    async def get(self) -> tuple[bytes, bool]:
        """Everything that has arrived, at least one item; and whether that was the last."""
        chunks = [await self._queue.get()]
        while not self._queue.empty():
            chunks.append(self._queue.get_nowait())
        whole = b"".join(chunk for chunk in chunks if chunk is not None)
        return whole, chunks[-1] is None


def is_of_mode(event: bytes, modes: frozenset[str]) -> bool:
    """Whether an event belongs to one of these stream modes; those about the run always do."""
    name = event[len(b"event: ") : event.index(b"\r\n")].decode()
    return name_mode(name) in modes | {"metadata", "error", "end"}


def name_mode(event: str) -> str:
    """The stream mode of an event's name."""
    name = event.split("|", 1)[0]
    if name.startswith("messages/"):
        return "messages"
    return "messages-tuple" if name == "messages" else name


class Channel:
    """Sends the events of one run to all its readers, and to the database where they are kept.

    An event that is kept is stored before anybody sees it: whoever has read its number finds it
    again on any worker.
    """

    def __init__(self, *, backlog: bool = False) -> None:
        self._readers: list[EventQueue] = []
        self._backlog: deque[bytes] | None = deque(maxlen=_BACKLOG_EVENTS) if backlog else None
        self._record: Record | None = None
        self._unrecorded: asyncio.Queue[tuple[str, bytes] | None] | None = None
        self._recorder: asyncio.Task[None] | None = None
        self._closed = False
        # Set and renewed with every event: readers of the database wait for it.
        self.news = asyncio.Event()

    @property
    def is_kept(self) -> bool:
        """Whether events are stored."""
        return self._unrecorded is not None

    def keep(self, record: Record) -> None:
        """Store every event from now on."""
        self._record = record
        self._unrecorded = asyncio.Queue(_EVENTS_UNDER_WAY)
        self._recorder = asyncio.ensure_future(self._record_all(self._unrecorded, record))

    def join(self, *, patient: bool = True, modes: frozenset[str] | None = None) -> EventQueue:
        """A new reader; it gets what comes from now on, and what nobody has read yet.

        Args:
            patient: whether the run waits for this reader.
            modes: the stream modes it wants; None for all.
        """
        reader = EventQueue(patient=patient, modes=modes)
        for event in self._backlog or ():
            reader.take_over(event)
        self._backlog = None
        if self._closed:
            reader.take_over(None)
        self._readers.append(reader)
        return reader

    async def emit(self, event: str, data: Any) -> None:
        """One event of the run."""
        if self._unrecorded is not None:
            self._raise_if_broken()
            await self._unrecorded.put((event, dumps(data)))
        elif self._readers or self._backlog is not None:
            await self._deliver(render_event(event, dumps(data)))

    async def emit_end(self, error: dict[str, str] | None) -> None:
        """The last events: the error, if there is one, and `end`.

        Clients take `end` for "the run is over" and save themselves the question.
        """
        if error is not None:
            await self.emit("error", error)
        await self.flush()
        await self._deliver(render_event("end", b"null"))

    async def flush(self) -> None:
        """Wait until every event so far is stored and sent."""
        if self._unrecorded is not None and self._recorder is not None:
            done = asyncio.ensure_future(self._unrecorded.join())
            await asyncio.wait({done, self._recorder}, return_when=asyncio.FIRST_COMPLETED)
            done.cancel()
            self._raise_if_broken()

    async def close(self) -> None:
        """No more events will come."""
        self._closed = True
        if self._recorder is not None:
            self._recorder.cancel()
        for reader in self._readers:
            await reader.close()
        self._tell()

    def _raise_if_broken(self) -> None:
        if self._recorder is not None and self._recorder.done():
            self._recorder.result()

    async def _record_all(
        self, waiting: asyncio.Queue[tuple[str, bytes] | None], record: Record
    ) -> None:
        while True:
            batch = [await waiting.get()]
            while not waiting.empty() and len(batch) < _BATCH:
                batch.append(waiting.get_nowait())
            found = [item for item in batch if item is not None]
            numbers = await record(found)
            for (event, data), number in zip(found, numbers, strict=True):
                if event != END_OF_RUN:
                    await self._deliver(render_event(event, data, str(number)))
            for _ in batch:
                waiting.task_done()

    async def _deliver(self, event: bytes) -> None:
        if self._backlog is not None:
            self._backlog.append(event)
        gone = False
        for reader in self._readers:
            await reader.put(event)
            gone = gone or not reader.is_read
        if gone:
            self._readers = [reader for reader in self._readers if reader.is_read]
        self._tell()

    def _tell(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()


async def tell_outcome(channel: Channel, run_id: str, attempt: int, outcome: Outcome) -> None:
    """The events of a run of which only the end is known."""
    await channel.emit("metadata", {"run_id": run_id, "attempt": attempt})
    if outcome.values is not None:
        await channel.emit("values", outcome.values)
    await channel.emit_end(outcome.error)
    await channel.close()
