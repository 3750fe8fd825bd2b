"""How many calls of one pool may be in flight, and how many may wait for their turn.

A pure state machine: no clock, no future, no lock. A ticket is in one of three places: in flight,
in the queue, or gone; and every ticket that got in flight has to leave.

Who moves up: of the highest priority that waits, the assistants take turns, so that one that sends
a thousand calls holds up another's single call by one.
"""

from __future__ import annotations

from collections import OrderedDict, deque
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
    """One call's place.

    Args:
        on_admitted: called when it gets in flight from the queue.
        assistant: whose call it is.
        priority: of its graph; below 0 it may be put out of the queue.
        size: bytes that wait with it.
        on_shed: called when it is put out of the queue for a call of higher priority.
    """

    on_admitted: Callable[[], None]
    assistant: str = ""
    priority: int = 0
    size: int = 0
    on_shed: Callable[[], None] = lambda: None
    place: Place = Place.GONE


# The lines of one priority, by assistant, with the next one to move up first.
_Lines = OrderedDict[str, deque[Ticket]]


@dataclass(slots=True)
class Bulkhead:
    """The counts of one pool: at most `limit` in flight; so many and so many bytes may wait."""

    limit: int
    max_queued: int
    max_queued_bytes: int = 2**63
    in_flight: int = 0
    queued: int = 0
    queued_bytes: int = 0
    _waiting: dict[int, _Lines] = field(default_factory=dict)

    @property
    def has_room(self) -> bool:
        """Whether a call would be in flight at once."""
        return self.in_flight < self.limit and not self.queued

    def enter(self, ticket: Ticket) -> bool:
        """Take a place in flight or in the queue; False when both are full.

        Nobody overtakes: while others wait, a new call waits too. A call of negative priority finds
        the queue full at its half, and is put out of it for others.
        """
        if self.has_room:
            self._admit(ticket)
            return True
        while not self._may_queue(ticket):
            if not self._shed_below(ticket.priority):
                return False
        ticket.place = Place.QUEUED
        lines = self._waiting.setdefault(ticket.priority, OrderedDict())
        lines.setdefault(ticket.assistant, deque()).append(ticket)
        self.queued += 1
        self.queued_bytes += ticket.size
        return True

    def leave(self, ticket: Ticket) -> None:
        """Give up a place, wherever it is; the next in the queue moves up."""
        if ticket.place is Place.QUEUED:
            self._take_out(ticket)
        elif ticket.place is Place.IN_FLIGHT:
            self.in_flight -= 1
        ticket.place = Place.GONE
        self.move_up()

    def resize(self, limit: int, max_queued: int, max_queued_bytes: int = 2**63) -> None:
        """Other limits, as workers come and go. Calls in flight stay in flight."""
        self.limit = limit
        self.max_queued = max_queued
        self.max_queued_bytes = max_queued_bytes
        self.move_up()

    def move_up(self) -> None:
        """Let in who waits, as far as there is room."""
        while self.queued and self.in_flight < self.limit:
            lines = self._waiting[max(self._waiting)]
            assistant, line = next(iter(lines.items()))
            ticket = line[0]
            self._take_out(ticket)
            if assistant in lines:
                lines.move_to_end(assistant)
            self._admit(ticket)
            ticket.on_admitted()

    def _may_queue(self, ticket: Ticket) -> bool:
        share = 2 if ticket.priority < 0 else 1
        return (self.queued + 1) * share <= self.max_queued and (
            self.queued_bytes + ticket.size
        ) * share <= self.max_queued_bytes

    def _shed_below(self, priority: int) -> bool:
        """Put out the newest call of the lowest negative priority, if that is a lower one."""
        lowest = min(self._waiting, default=0)
        if lowest >= 0 or lowest >= priority:
            return False
        line = max(self._waiting[lowest].values(), key=len)
        shed = line[-1]
        self._take_out(shed)
        shed.place = Place.GONE
        shed.on_shed()
        return True

    def _take_out(self, ticket: Ticket) -> None:
        lines = self._waiting[ticket.priority]
        line = lines[ticket.assistant]
        if line[0] is ticket:
            line.popleft()
        else:
            line.remove(ticket)
        self.queued -= 1
        self.queued_bytes -= ticket.size
        if not line:
            del lines[ticket.assistant]
            if not lines:
                del self._waiting[ticket.priority]

    def _admit(self, ticket: Ticket) -> None:
        ticket.place = Place.IN_FLIGHT
        self.in_flight += 1
