"""How many calls of one pool may be in flight, and how many may wait for their turn.

A pure state machine: no clock, no future, no lock. A ticket is in one of three places: in flight,
in the queue, or gone; and every ticket that got in flight has to leave.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Place(Enum):
    """Where a ticket is."""

    QUEUED = "queued"
    IN_FLIGHT = "in flight"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Ticket:
    """One call's place. `on_admitted` is called when it gets in flight from the queue."""

    on_admitted: Callable[[], None]
    place: Place = Place.GONE


@dataclass(slots=True)
class Bulkhead:
    """The counts of one pool: at most `limit` in flight, at most `max_queued` waiting."""

    limit: int
    max_queued: int
    in_flight: int = 0
    _queue: deque[Ticket] = field(default_factory=deque)
    _queued: int = 0

    @property
    def queued(self) -> int:
        """Calls that wait."""
        return self._queued

    def enter(self, ticket: Ticket) -> bool:
        """Take a place in flight or in the queue; False when both are full.

        Nobody overtakes: while others wait, a new call waits too.
        """
        if self.in_flight < self.limit and not self._queued:
            self._admit(ticket)
            return True
        if self._queued >= self.max_queued:
            return False
        ticket.place = Place.QUEUED
        self._queue.append(ticket)
        self._queued += 1
        return True

    def leave(self, ticket: Ticket) -> None:
        """Give up a place, wherever it is; the next in the queue moves up."""
        if ticket.place is Place.QUEUED:
            # It stays in the deque as an empty shell, which costs nothing to step over.
            self._queued -= 1
        elif ticket.place is Place.IN_FLIGHT:
            self.in_flight -= 1
        ticket.place = Place.GONE
        self._move_up()

    def resize(self, limit: int, max_queued: int) -> None:
        """Other limits, as workers come and go. Calls in flight stay in flight."""
        self.limit = limit
        self.max_queued = max_queued
        self._move_up()

    def _move_up(self) -> None:
        while self._queued and self.in_flight < self.limit:
            ticket = self._queue.popleft()
            if ticket.place is Place.QUEUED:
                self._queued -= 1
                self._admit(ticket)
                ticket.on_admitted()
        if not self._queued:
            self._queue.clear()

    def _admit(self, ticket: Ticket) -> None:
        ticket.place = Place.IN_FLIGHT
        self.in_flight += 1
