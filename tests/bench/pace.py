"""Calls at a fixed rate, whether they are answered or not: each is timed from when it was due.

    PYTHONPATH=tests .venv/bin/python -m bench.pace --port PORT --rate 1000 --seconds 2 --out FILE

Writes one `[due, latency, status]` per call (seconds; status 0: connection lost, -1: no answer). A
call that is sent late, because the one before was slow, counts from when it should have been sent.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.wrk import KEY, make_body

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_SET_TIMER_SLACK = 29
Call = tuple[float, float, int]


@dataclass(eq=False)
class Line:
    """One connection, with at most one call."""

    socket: socket.socket
    due: float = 0.0
    received: bytes = b""


class Driver:
    """A loop of its own: timers of event loops are not exact to less than a millisecond."""

    def __init__(self, port: int, request: bytes, most: int) -> None:
        self.calls: list[Call] = []
        self._port, self._request, self._most = port, request, most
        self._poll = select.epoll()
        self._lines: dict[int, Line] = {}
        self._idle: list[Line] = []
        self._late: deque[float] = deque()

    def run(self, rate: float, seconds: float, patience: float, warm: int) -> None:
        """Send so many calls for so long, and wait a while for the last answers."""
        self._idle = [self._connect() for _ in range(warm)]
        total, sent = int(rate * seconds), 0
        begin = time.perf_counter() + 0.02
        end = begin + seconds + patience
        while len(self.calls) < total and (now := time.perf_counter()) < end:
            while sent < total and begin + sent / rate <= now:
                self._send(begin + sent / rate)
                sent += 1
            wait = begin + sent / rate - time.perf_counter() if sent < total else 0.01
            if select.select([self._poll], [], [], max(0.0, wait))[0]:
                for number, _ in self._poll.poll(0):
                    self._receive(self._lines[number])
        now = time.perf_counter()
        waiting = [line.due for line in self._lines.values() if line.due] + list(self._late)
        self.calls += [(due, now - due, -1) for due in waiting]
        self.calls = [(due - begin, latency, status) for due, latency, status in self.calls]

    def _connect(self) -> Line:
        line = Line(socket.create_connection(("127.0.0.1", self._port)))
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.socket.setblocking(False)
        self._lines[line.socket.fileno()] = line
        self._poll.register(line.socket, select.EPOLLIN)
        return line

    def _send(self, due: float) -> None:
        if not self._idle and len(self._lines) >= self._most:
            self._late.append(due)
            return
        line = self._idle.pop() if self._idle else self._connect()
        line.due = due
        try:
            line.socket.send(self._request)
        except OSError:
            self._end(line, 0)

    def _receive(self, line: Line) -> None:
        try:
            data = line.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._end(line, 0)
            return
        line.received += data
        head = line.received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(line.received, 0, head)
        whole = (
            len(line.received) >= head + 4 + int(length[1])
            if length
            else line.received.endswith(b"0\r\n\r\n")
        )
        if whole:
            status, line.received = int(line.received[9:12]), b""
            self._note(line, status)
            if self._late:
                self._idle.append(line)
                self._send(self._late.popleft())
            else:
                self._idle.append(line)

    def _end(self, line: Line, status: int) -> None:
        self._poll.unregister(line.socket)
        del self._lines[line.socket.fileno()]
        line.socket.close()
        if line in self._idle:
            self._idle.remove(line)
        elif line.due:
            self._note(line, status)

    def _note(self, line: Line, status: int) -> None:
        self.calls.append((line.due, time.perf_counter() - line.due, status))
        line.due = 0.0


@dataclass(frozen=True)
class Pace:
    """A rate that is kept up for a while."""

    port: int
    rate: float
    seconds: float
    assistant: str = "graph_7"
    # Connections at the start, and at most.
    warm: int = 32
    most: int = 2000
    patience: float = 1.0


async def keep_pace(pace: Pace, folder: Path) -> list[Call]:
    """The calls of a pace, driven by a process of its own; in the order in which they were due.

    Raises:
        RuntimeError: the process failed.
    """
    out = folder / f"pace-{pace.port}-{pace.assistant}.json"
    command = [sys.executable, "-m", "bench.pace", f"--out={out}"]
    command += [f"--{name}={value}" for name, value in vars(pace).items()]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    if process.returncode:
        raise RuntimeError(told.decode())
    return sorted((due, latency, status) for due, latency, status in json.loads(out.read_text()))


def count_statuses(calls: Sequence[Call]) -> dict[str, int]:
    """How many calls had which answer."""
    found: dict[str, int] = {}
    for _, _, status in calls:
        name = {0: "lost", -1: "no answer"}.get(status, str(status))
        found[name] = found.get(name, 0) + 1
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--assistant", default=Pace.assistant)
    parser.add_argument("--warm", type=int, default=Pace.warm)
    parser.add_argument("--most", type=int, default=Pace.most)
    parser.add_argument("--patience", type=float, default=Pace.patience)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    # Timers of a process are rounded up by 50 µs unless it asks for better.
    ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, 1)
    gc.disable()
    body = make_body(1024, asked.assistant)
    head = (
        "POST /runs/wait HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"x-api-key: {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    driver = Driver(asked.port, head.encode() + body, asked.most)
    driver.run(asked.rate, asked.seconds, asked.patience, asked.warm)
    asked.out.write_text(json.dumps(driver.calls))


if __name__ == "__main__":
    main()
