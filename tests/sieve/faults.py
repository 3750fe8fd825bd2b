"""What may go wrong between the operator and the API server, one kind each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

Refusal = tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True)
class Write:
    """One request that changes something."""

    method: str
    path: str

    @property
    def counts(self) -> bool:
        """Events tell of changes and are none; reviews are questions."""
        return not self.path.endswith(("/events", "reviews"))


class Fault:
    """Nothing goes wrong."""

    def before_write(self, number: int) -> Refusal | None:
        """Called before the write of that number, from 1, goes on; an answer keeps it back."""
        return None

    def after_write(self, number: int) -> None:
        """Called once the API server has answered, and before the operator hears of it."""

    def before_read(self, path: str) -> Refusal | None:
        """Called before a read goes on; an answer keeps it back."""
        return None

    def change_read(self, path: str, body: bytes) -> bytes:
        """What the operator is given instead of this answer."""
        return body

    def change_event(self, line: bytes) -> list[tuple[float, bytes]]:
        """The lines that the operator sees for one line of a watch, with seconds before each."""
        return [(0, line)]

    def ends_watch(self) -> bool:
        """Whether the watch is cut after this line."""
        return False


@dataclass
class Kill(Fault):
    """End the operator before or after one of its writes, once."""

    number: int
    after: bool
    kill: Callable[[], None]
    done: bool = False

    def before_write(self, number: int) -> Refusal | None:
        if number != self.number or self.after or self.done:
            return None
        self.done = True
        self.kill()
        # Nobody is there to read it.
        return refuse(503)

    def after_write(self, number: int) -> None:
        if number == self.number and self.after and not self.done:
            self.done = True
            self.kill()


@dataclass
class Storm(Fault):
    """So many requests in a row are answered with an error, from one write on, once."""

    status: int
    first: int
    length: int
    begun: bool = False
    left: int = 0

    def before_write(self, number: int) -> Refusal | None:
        if number == self.first and not self.begun:
            self.begun, self.left = True, self.length
        return self._take()

    def before_read(self, path: str) -> Refusal | None:
        # A conflict is an answer to writes only.
        return None if self.status == 409 else self._take()

    def _take(self) -> Refusal | None:
        if not self.left:
            return None
        self.left -= 1
        return refuse(self.status)


@dataclass
class Events(Fault):
    """Every event of a watch is treated alike: dropped, doubled, late, or the last of its watch."""

    kind: str

    def change_event(self, line: bytes) -> list[tuple[float, bytes]]:
        match self.kind:
            case "dropped":
                return []
            case "doubled":
                return [(0, line), (0, line)]
            case "delayed":
                return [(1.0, line)]
            case "gone":
                status = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired"}
                return [(0, json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")]
        return [(0, line)]

    def ends_watch(self) -> bool:
        return self.kind in ("cut", "gone")


@dataclass
class Stale(Fault):
    """Every second reading of a list gives what the one before gave."""

    _last: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def change_read(self, path: str, body: bytes) -> bytes:
        count, before = self._last.get(path, (0, body))
        given = before if count % 2 else body
        self._last[path] = count + 1, body
        return given


def refuse(status: int) -> Refusal:
    """A refusal as the API server words it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    headers = {"content-type": "application/json"}
    if status == 429:
        headers["retry-after"] = "1"
    return status, json.dumps({**body, "message": "disturbed by the test"}).encode(), headers
