"""The last traces of this process, kept in memory to be looked at: bounded by count and by bytes.

Spans are kept as they are, and read when somebody looks: at most of them nobody ever does. A trace
that no run belongs to is let go when its last span ends, so that looks at threads do not push runs
out. Spans end in threads as well: every change is made under a lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Kept = TypeVar("Kept")
Record = dict[str, Any]

# One run with a loop in it must not push out all others.
_SPANS_PER_TRACE = 2000
WORKFLOW = "invoke_workflow"


@dataclass(slots=True)
class _Trace(Generic[Kept]):
    ended: list[Kept] = field(default_factory=list)
    # Spans at work, by their ids.
    open: dict[int, Kept] = field(default_factory=dict)
    # Those that are runs, at work or not.
    runs: dict[int, Kept] = field(default_factory=dict)
    has_runs: bool = False
    size: int = 0
    left_out: int = 0


class RunStore(Generic[Kept]):
    """Traces by id, the oldest first. Of a span, that it no longer changes once it has ended.

    Args:
        traces: how many are kept.
        size: of all of them together, in bytes.
        weigh: about how many bytes an ended span takes.
        read: what a span is by now.
        sum_up: what a span that is a run is by now, in a list of runs.
    """

    def __init__(
        self,
        traces: int,
        size: int,
        weigh: Callable[[Kept], int],
        read: Callable[[Kept], Record],
        sum_up: Callable[[Kept], Record],
    ) -> None:
        self._most, self._most_bytes = traces, size
        self._weigh, self._read, self._sum_up = weigh, read, sum_up
        self._traces: OrderedDict[int, _Trace[Kept]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """What is kept, in bytes."""
        return self._bytes

    def begin(self, trace_id: int, span_id: int, span: Kept, *, is_run: bool) -> None:
        """A span began."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None:
                trace = self._traces[trace_id] = _Trace()
                self._trim()
            if len(trace.open) + len(trace.ended) >= _SPANS_PER_TRACE and not is_run:
                trace.left_out += 1
                return
            trace.open[span_id] = span
            if is_run:
                trace.runs[span_id] = span
                trace.has_runs = True

    def end(self, trace_id: int, span_id: int, *, asks: bool = False) -> None:
        """A span ended; `asks`: it is a request by which a run begins, maybe after its end."""
        with self._lock:
            trace = self._traces.get(trace_id)
            span = trace.open.pop(span_id, None) if trace is not None else None
            if trace is None or span is None:
                # Pushed out, or left out, while it was at work.
                return
            if asks:
                trace.has_runs = True
            self._add(trace, span)
            if not trace.open and not trace.has_runs:
                self._drop(trace_id)
            self._trim()

    def keep(self, trace_id: int, span: Kept) -> None:
        """A whole span of a call that starts a run elsewhere."""
        with self._lock:
            trace = self._traces.setdefault(trace_id, _Trace())
            trace.has_runs = True
            self._add(trace, span)
            self._trim()

    def find(self, trace_id: str) -> tuple[list[Record], int]:
        """All spans of a trace, and how many of it were left out. Empty: it is not known here."""
        with self._lock:
            trace = self._traces.get(_read_id(trace_id))
            if trace is None:
                return [], 0
            spans, left_out = [*trace.ended, *trace.open.values()], trace.left_out
        return [self._read(span) for span in spans], left_out

    def list_runs(self) -> list[Record]:
        """All runs, the newest last; those at work are among them."""
        with self._lock:
            runs = [run for trace in self._traces.values() for run in trace.runs.values()]
        return sorted((self._sum_up(run) for run in runs), key=lambda run: run["started_at"])

    def _add(self, trace: _Trace[Kept], span: Kept) -> None:
        size = self._weigh(span)
        trace.ended.append(span)
        trace.size += size
        self._bytes += size

    def _trim(self) -> None:
        while len(self._traces) > self._most or (
            self._bytes > self._most_bytes and len(self._traces) > 1
        ):
            self._drop(next(iter(self._traces)))

    def _drop(self, trace_id: int) -> None:
        self._bytes -= self._traces.pop(trace_id).size


def _read_id(trace_id: str) -> int:
    """0, which no trace has, where it is no id."""
    try:
        return int(trace_id, 16)
    except ValueError:
        return 0


def starts_run(name: str) -> bool:
    """Whether a run begins by a request, by the name of its span."""
    return name.startswith("POST /") and "/runs" in name
