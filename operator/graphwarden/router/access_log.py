"""One line per call, written many at a time: a line of its own would cost half of the call."""

from __future__ import annotations

import asyncio
import sys
import time
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from graphwarden.telemetry.trace import TraceContext

_FLUSH_SECONDS = 0.1
# Every call behind a flush waits for it: for a quarter of a millisecond with so many lines.
_FLUSH_LINES = 50


class Told(Protocol):
    """What a line says of a call."""

    pool: str
    assistant: str

    @property
    def trace(self) -> TraceContext:
        """Its place in a trace."""


class AccessLog:
    """Lines in the shape of `telemetry.logs`, as JSON or as text, on standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._lines: list[tuple[Any, ...]] = []
        self._encode = msgspec.json.Encoder().encode
        self._is_due = False

    def note(
        self, method: str, path: str, status: int, outcome: str, call: Told, seconds: float
    ) -> None:
        """A call that has ended."""
        trace_id = call.trace.trace_id
        self._lines.append(
            (
                time.time(),
                method,
                path,
                status,
                outcome,
                call.pool,
                call.assistant,
                seconds,
                trace_id,
            )
        )
        if len(self._lines) >= _FLUSH_LINES:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what there is."""
        self._is_due = False
        lines, self._lines = self._lines, []
        render = self._render_json if self._as_json else _render_text
        if lines:
            sys.stderr.buffer.write(b"".join([render(line) for line in lines]))
            sys.stderr.buffer.flush()

    def _render_json(self, line: tuple[Any, ...]) -> bytes:
        at, method, path, status, outcome, pool, assistant, seconds, trace_id = line
        told = {
            "time": f"{_name_second(int(at))}.{int(at % 1 * 1000):03d}Z",
            "level": "info",
            "logger": "graphwarden.router.access",
            "message": "request",
            "service": "graphwarden-router",
            "method": method,
            "path": path,
            "status": status,
            "outcome": outcome,
            "capability": pool,
            "assistant_id": assistant,
            "duration_ms": round(seconds * 1000, 2),
            "trace_id": trace_id,
        }
        return self._encode(told) + b"\n"


@lru_cache(maxsize=4)
def _name_second(at: int) -> str:
    """In UTC, by RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


def _render_text(line: tuple[Any, ...]) -> bytes:
    at, method, path, status, outcome, pool, assistant, seconds, trace_id = line
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    return (
        f"{clock} INFO    graphwarden.router.access: {method} {path} {status} {outcome} "
        f"capability={pool} assistant_id={assistant} duration_ms={seconds * 1000:.2f} "
        f"trace_id={trace_id}\n"
    ).encode()
