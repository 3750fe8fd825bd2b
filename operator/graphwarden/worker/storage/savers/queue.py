"""Writes that wait to be stored: in order on each thread, many threads at once.

Pure bookkeeping, with no loop and no database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

_Content = TypeVar("_Content")

_BATCH_WRITES: Final = 128
_BATCH_BYTES: Final = 1024 * 1024


@dataclass(slots=True, eq=False)
class Place(Generic[_Content]):
    """A place in the queue, taken before its content is ready so that the order holds."""

    thread_id: str
    content: _Content | None = None
    keys: frozenset[Hashable] = frozenset()
    size_bytes: int = 0
    given_up: bool = field(default=False)

    def fill(self, content: _Content, keys: Iterable[Hashable], size_bytes: int) -> None:
        """Say what is to be stored: the rows it touches, and how large they are."""
        self.content, self.keys, self.size_bytes = content, frozenset(keys), size_bytes


class WriteQueue(Generic[_Content]):
    """Places of many threads. No thread is in two batches at a time."""

    def __init__(self, batch_writes: int = _BATCH_WRITES, batch_bytes: int = _BATCH_BYTES) -> None:
        self._batch_writes = batch_writes
        self._batch_bytes = batch_bytes
        self._places: dict[str, deque[Place[_Content]]] = {}
        self._busy: set[str] = set()

    def reserve(self, thread_id: str) -> Place[_Content]:
        """The last place of the thread."""
        place: Place[_Content] = Place(thread_id)
        self._places.setdefault(thread_id, deque()).append(place)
        return place

    def take(self) -> list[Place[_Content]]:
        """The next batch: what is ready on threads that are in no other batch, threads sorted.

        A batch holds no row twice: one statement cannot write a row two times.
        """
        batch: list[Place[_Content]] = []
        left = self._batch_bytes
        for thread_id in [name for name in self._places if name not in self._busy]:
            if len(batch) >= self._batch_writes or (batch and left <= 0):
                break
            taken = self._take_thread(thread_id, self._batch_writes - len(batch), left)
            if taken:
                self._busy.add(thread_id)
                batch += taken
                left -= sum(place.size_bytes for place in taken)
        return sorted(batch, key=lambda place: place.thread_id)

    def give_back(self, batch: Iterable[Place[_Content]]) -> None:
        """The batch is stored, or failed: its threads may be in another one."""
        self._busy.difference_update(place.thread_id for place in batch)

    def _take_thread(self, thread_id: str, most: int, left: int) -> list[Place[_Content]]:
        places = self._places[thread_id]
        taken: list[Place[_Content]] = []
        keys: set[Hashable] = set()
        while places and len(taken) < most:
            first = places[0]
            if first.given_up:
                places.popleft()
                continue
            if first.content is None or not keys.isdisjoint(first.keys):
                break
            if taken and first.size_bytes > left:
                break
            keys |= first.keys
            left -= first.size_bytes
            taken.append(places.popleft())
        if not places:
            del self._places[thread_id]
        return taken
