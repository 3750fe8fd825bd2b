"""Load on one server: keep-alive connections that call one after the other, and what it cost."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One measured stretch of calls. CPU in ms per call, latencies in ms."""

    cpu: float
    latencies: tuple[float, ...]


@dataclass(frozen=True)
class Call:
    """A request to be repeated; `path` may have `{thread}`, a new thread for each call."""

    path: str
    body: dict[str, Any]

    def render(self) -> bytes:
        """The request as it goes over the wire."""
        path = self.path.replace("{thread}", str(uuid.uuid4()))
        body = json.dumps(self.body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def measure(port: int, pid: int, call: Call, concurrency: int, seconds: float) -> Sample:
    """Call for so long over so many connections.

    Raises:
        RuntimeError: a call was not answered with 200.
    """
    before, until = read_cpu(pid), time.perf_counter() + seconds
    found = await asyncio.gather(*(_repeat(port, call, until) for _ in range(concurrency)))
    latencies = tuple(one for each in found for one in each)
    return Sample((read_cpu(pid) - before) * 1000 / len(latencies), latencies)


def read_cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    return sum(_read_own(one) for one in (pid, *_list_children(pid)))


def read_memory(pid: int) -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summarise(values: Sequence[float]) -> dict[str, float]:
    """Median and spread of repeated measurements."""
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


async def _repeat(port: int, call: Call, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    try:
        while time.perf_counter() < until or not latencies:
            request = call.render()
            began = time.perf_counter()
            writer.write(request)
            answer = await read_answer(reader)
            latencies.append((time.perf_counter() - began) * 1000)
            if b"__error__" in answer:
                raise RuntimeError(answer.decode(errors="replace"))
    finally:
        writer.close()
    return latencies


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """The body of an answer.

    Raises:
        RuntimeError: it is not a 200.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(head.decode() + (await reader.read(500)).decode())
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    body = b""
    while True:
        size = int(await reader.readline(), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return body


def _read_own(pid: int) -> float:
    # The clock of another process's CPU, as clock_getcpuclockid(3) makes its number: in
    # nanoseconds, where /proc counts hundredths of a second.
    return time.clock_gettime(~pid << 3 | 2)


def _list_children(pid: int) -> Iterator[int]:
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, place.read_text().split()):
            yield child
            yield from _list_children(child)


def there_and_back(subjects: Sequence[Any], rounds: int) -> Iterator[Any]:
    """A B B A, for any number of subjects: drift of the machine hits all of them alike."""
    for _ in range(rounds):
        yield from subjects
        yield from reversed(subjects)


async def until_answers(
    port: int, pid_lives: Callable[[], bool], seconds: float, *, host: str = "127.0.0.1"
) -> bool:
    """Wait until something listens; False when it ends or the time is over."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and pid_lives():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.2)
            continue
        writer.close()
        return True
    return False
