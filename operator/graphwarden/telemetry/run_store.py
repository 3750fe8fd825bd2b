"""The last traces of this process, kept in memory to be looked at: bounded by count and by bytes.

Spans are kept as they are sent, and read when somebody looks. A trace that no run belongs to is let
go when its last span ends, so that looks at threads do not push runs out. Spans end in threads as
well: every change is made under a lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]

# One run with a loop in it must not push out all others.
_SPANS_PER_TRACE = 2000
WORKFLOW = "invoke_workflow"


# A span at work: what it is now, and whether it is a run.
_Open = tuple[Callable[[], bytes], bool]


@dataclass(slots=True)
class _Trace:
    ended: list[bytes] = field(default_factory=list)
    open: dict[str, _Open] = field(default_factory=dict)
    runs: dict[str, Record] = field(default_factory=dict)
    has_runs: bool = False
    size: int = 0
    left_out: int = 0


class RunStore:
    """Traces by id, the oldest first.

    Args:
        traces: how many are kept.
        size: of all of them together, in bytes.
        read: a span out of its bytes.
    """

    def __init__(self, traces: int, size: int, read: Callable[[bytes], Record]) -> None:
        self._most, self._most_bytes, self._read = traces, size, read
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """What is kept, in bytes."""
        return self._bytes

    def begin(
        self, trace_id: str, span_id: str, look: Callable[[], bytes], *, is_run: bool
    ) -> None:
        """A span began; `look` tells what it is by now."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None:
                trace = self._traces[trace_id] = _Trace()
                self._trim()
            if len(trace.open) + len(trace.ended) >= _SPANS_PER_TRACE and not is_run:
                trace.left_out += 1
                return
            trace.open[span_id] = (look, is_run)
            if is_run:
                trace.has_runs = True

    def end(self, trace_id: str, span_id: str, span: bytes, *, asks: bool = False) -> None:
        """A span ended; `asks`: it is a request by which a run begins, maybe after its end."""
        with self._lock:
            trace = self._traces.get(trace_id)
            begun = trace.open.pop(span_id, None) if trace is not None else None
            if trace is None or begun is None:
                # Pushed out, or left out, while it was at work.
                return
            if begun[1]:
                trace.runs[span_id] = make_run(self._read(span))
            if asks:
                trace.has_runs = True
            self._add(trace, span)
            if not trace.open and not trace.has_runs:
                self._drop(trace_id)
            self._trim()

    def keep(self, trace_id: str, span: bytes) -> None:
        """A whole span of a call that starts a run elsewhere."""
        with self._lock:
            trace = self._traces.setdefault(trace_id, _Trace())
            trace.has_runs = True
            self._add(trace, span)
            self._trim()

    def find(self, trace_id: str) -> tuple[list[Record], int]:
        """All spans of a trace, and how many of it were left out. Empty: it is not known here."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None:
                return [], 0
            ended, at_work, left_out = list(trace.ended), list(trace.open.values()), trace.left_out
        spans = [*ended, *(look() for look, _ in at_work)]
        return [self._read(span) for span in spans], left_out

    def list_runs(self) -> list[Record]:
        """All runs, the newest last; those at work are among them."""
        with self._lock:
            traces = list(self._traces.values())
            ended = [run for trace in traces for run in trace.runs.values()]
            begun = [one for trace in traces for one in trace.open.values()]
        at_work = [make_run(self._read(look())) for look, is_run in begun if is_run]
        return sorted([*ended, *at_work], key=lambda run: run["started_at"])

    def _add(self, trace: _Trace, span: bytes) -> None:
        trace.ended.append(span)
        trace.size += len(span)
        self._bytes += len(span)

    def _trim(self) -> None:
        while len(self._traces) > self._most or (
            self._bytes > self._most_bytes and len(self._traces) > 1
        ):
            self._drop(next(iter(self._traces)))

    def _drop(self, trace_id: str) -> None:
        self._bytes -= self._traces.pop(trace_id).size


def starts_run(name: str) -> bool:
    """Whether a run begins by a request, by the name of its span."""
    return name.startswith("POST /") and "/runs" in name


def make_run(record: Record) -> Record:
    """The line of a run in a list of runs."""
    told = record["attributes"]
    return {
        "trace_id": record["trace_id"],
        "span_id": record["span_id"],
        "run_id": told.get("graphwarden.run_id"),
        "thread_id": told.get("gen_ai.conversation.id"),
        "assistant_id": told.get("graphspec.assistant_id"),
        "capability": told.get("graphspec.capability"),
        "status": told.get("graphwarden.outcome", "running"),
        "attempt": told.get("graphwarden.run.attempt", 1),
        "error_type": record["error_type"],
        "started_at": record["started_at"],
        "duration_ms": record["duration_ms"],
    }
