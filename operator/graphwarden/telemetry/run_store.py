"""The last traces of this process, kept in memory to be looked at: bounded by count and by bytes.

A trace that no run belongs to is let go when its last span ends, so that looks at threads do not
push runs out. Spans end in threads as well: every change is made under a lock.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]

# One run with a loop in it must not push out all others.
_SPANS_PER_TRACE = 2000
WORKFLOW = "invoke_workflow"


@dataclass(slots=True)
class _Trace:
    ended: list[bytes] = field(default_factory=list)
    # Spans at work: what they are now, when somebody asks.
    open: dict[str, Callable[[], Record]] = field(default_factory=dict)
    runs: dict[str, Record] = field(default_factory=dict)
    has_runs: bool = False
    size: int = 0
    left_out: int = 0


class RunStore:
    """Traces by id, the oldest first.

    Args:
        traces: how many are kept.
        size: of all of them together, in bytes of JSON.
    """

    def __init__(self, traces: int, size: int) -> None:
        self._most, self._most_bytes = traces, size
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """What is kept, in bytes of JSON."""
        return self._bytes

    def begin(self, trace_id: str, span_id: str, look: Callable[[], Record], run: bool) -> None:
        """A span began; `look` tells what it is by now, and `run` whether it is a run's own."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None:
                trace = self._traces[trace_id] = _Trace()
                self._trim()
            if len(trace.open) + len(trace.ended) >= _SPANS_PER_TRACE and not run:
                trace.left_out += 1
                return
            trace.open[span_id] = look
            trace.has_runs = trace.has_runs or run

    def end(self, trace_id: str, span_id: str, record: Record) -> None:
        """A span ended, as this record."""
        self.add(trace_id, record, begun=span_id)

    def add(self, trace_id: str, record: Record, *, begun: str = "") -> None:
        """A whole span; `begun` is the one that began here. It belongs to a run that is known."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None or (begun and trace.open.pop(begun, None) is None):
                # Pushed out, or left out, while it was at work.
                return
            trace.ended.append(line)
            trace.size += len(line)
            self._bytes += len(line)
            if is_run(record):
                trace.runs[record["span_id"]] = make_run(record)
            trace.has_runs = trace.has_runs or _starts_run(record)
            if not trace.open and not trace.has_runs:
                self._drop(trace_id)
            self._trim()

    def keep(self, trace_id: str, record: Record) -> None:
        """A whole span of a call that starts a run elsewhere."""
        with self._lock:
            self._traces.setdefault(trace_id, _Trace()).has_runs = True
        self.add(trace_id, record)

    def find(self, trace_id: str) -> tuple[list[Record], int]:
        """All spans of a trace, and how many of it were left out. Empty: it is not known here."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None:
                return [], 0
            ended, looks, left_out = list(trace.ended), list(trace.open.values()), trace.left_out
        return [*map(json.loads, ended), *(look() for look in looks)], left_out

    def list_runs(self) -> list[Record]:
        """All runs, the newest last; those at work are among them."""
        with self._lock:
            traces = list(self._traces.values())
            ended = [run for trace in traces for run in trace.runs.values()]
            looks = [look for trace in traces for look in trace.open.values()]
        at_work = [make_run(record) for look in looks if is_run(record := look())]
        return sorted([*ended, *at_work], key=lambda run: run["started_at"])

    def _trim(self) -> None:
        while len(self._traces) > self._most or (
            self._bytes > self._most_bytes and len(self._traces) > 1
        ):
            self._drop(next(iter(self._traces)))

    def _drop(self, trace_id: str) -> None:
        self._bytes -= self._traces.pop(trace_id).size


def is_run(record: Record) -> bool:
    """Whether a span is a run of a graph."""
    return bool(record["attributes"].get("gen_ai.operation.name") == WORKFLOW)


def _starts_run(record: Record) -> bool:
    """Whether a span is a request by which a run begins, maybe after the request's end."""
    return (
        record["kind"] == "server"
        and record["name"].startswith("POST /")
        and ("/runs" in record["name"])
    )


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
