"""W3C Trace Context (https://www.w3.org/TR/trace-context/): read it, mint it, hand it on."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random
from typing import Self

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
# What may go with a trace as baggage: names of ours, and nobody's data.
BAGGAGE_KEYS = frozenset({"assistant_id", "thread_id", "capability"})
_KEY = "|".join(sorted(BAGGAGE_KEYS))
# An address would need other characters, and be somebody's.
_CARRIED = re.compile(rf"\s*({_KEY})\s*=\s*([\w.:-]{{1,100}})\s*(?:;.*)?", re.ASCII)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
# Ids must differ, not be secret; the system's generator costs a system call each time.
_random = Random()  # noqa: S311


def read_baggage(header: str | None) -> dict[str, str]:
    """What is ours of a `baggage` header (W3C Baggage, section 3.3), where it can be a name."""
    if not header:
        return {}
    found = (_CARRIED.fullmatch(entry) for entry in header.split(","))
    return {entry[1]: entry[2] for entry in found if entry is not None}


def make_span_id() -> str:
    """16 hex digits."""
    return f"{_random.getrandbits(64):016x}"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One position in a trace: ids in lower-case hex, and whether the caller samples it."""

    trace_id: str
    span_id: str
    sampled: bool = True
    # The span above, where it is known.
    parent_id: str = ""

    @classmethod
    def mint(cls) -> Self:
        """A new trace."""
        return cls(f"{_random.getrandbits(128):032x}", make_span_id())

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """The context in a `traceparent` header, or None when there is none that is valid."""
        match = _TRACEPARENT.fullmatch(header.strip()) if header else None
        if match is None:
            return None
        version, trace_id, span_id, flags, rest = match.groups()
        if version == "ff" or (version == "00" and rest):
            return None
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:
            return None
        return cls(trace_id, span_id, bool(int(flags, 16) & 1))

    @classmethod
    def accept(cls, header: str | None, ratio: float = 1.0) -> Self:
        """The caller's trace one step further down, or a new one, of which `ratio` are sampled."""
        parent = cls.parse(header)
        if parent is not None:
            return parent.child()
        new = cls.mint()
        if ratio >= 1 or is_sampled(new.trace_id, ratio):
            return new
        return cls(new.trace_id, new.span_id, sampled=False)

    def child(self) -> Self:
        """The same trace, one span further down."""
        return type(self)(self.trace_id, make_span_id(), self.sampled, self.span_id)

    @property
    def header(self) -> str:
        """The value of the `traceparent` header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


# Where the request at work stands in its trace; None outside requests.
current: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)


def is_sampled(trace_id: str, ratio: float) -> bool:
    """Whether a new trace is one of those sampled: the same answer for the same id everywhere."""
    return int(trace_id[16:], 16) < ratio * 2**64
