"""P4 of `bench.router`: what a call costs that waits for its answer, ten thousand of them."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import statistics
from collections.abc import Callable
from pathlib import Path

import httpx

from bench import proxies
from bench.load import read_memory, summarise, there_and_back
from bench.parts import Part
from bench.peers import Peer, PeerMissing
from bench.router_cpu import BY_GRAPH, ENVOY, OURS
from bench.wrk import make_body

CALLS = 10_000
QUEUED = f"{OURS}, in its queue"
PER_CALL_KIB, ALL_MIB = 10.0, 160.0
_SETTLE_SECONDS = 60.0
_AT_ONCE = 20
_QUIET_LOOKS = 50


async def measure_waiting(folder: Path, rounds: int, seconds: float) -> Part:
    """P4: all calls wait at once, then all are answered. A fresh proxy for each round."""
    del seconds
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A call in flight is two connections of the proxy.
    count = min(CALLS, (files - 200) // 2)
    part = Part(f"P4  memory of {count} calls of 1 KB that wait at once")
    subjects: dict[str, Callable[[Path, str], contextlib.AbstractAsyncContextManager[Peer]]] = {
        OURS: lambda place, at: proxies.graphwarden(place, _make_table(at)),
        QUEUED: lambda place, at: proxies.graphwarden(
            place, _make_table(at, concurrency_per_replica=10, max_queued=2 * CALLS)
        ),
        ENVOY: lambda place, at: proxies.envoy(place, _make_table(at)),
        BY_GRAPH: lambda place, at: proxies.envoy_twin(place, _make_table(at)),
        "haproxy": proxies.haproxy,
    }
    found: dict[str, list[dict[str, float]]] = {}
    for number, name in enumerate(there_and_back(list(subjects), max(1, rounds // 2))):
        if name in part.missing:
            continue
        try:
            place = folder / str(number)
            waits = count if name != QUEUED else 10
            one = await _measure(subjects[name], place, count, waits)
        except PeerMissing as reason:
            part.missing[name] = str(reason)
            continue
        found.setdefault(name, []).append(one)
    for name, ones in found.items():
        part.rows.append(
            {
                "subject": name,
                "kib_per_call": summarise([one["per_call"] for one in ones]),
                "mib_at_rest": statistics.median(one["rest"] for one in ones),
                "mib_at_most": summarise([one["most"] for one in ones]),
                "failed": sum(int(one["failed"]) for one in ones),
            }
        )
    for name in (OURS, QUEUED):
        part.judge(f"{name}: KiB per call", part.find(name, "kib_per_call"), PER_CALL_KIB)
        part.judge(f"{name}: MiB in all", part.find(name, "mib_at_most"), ALL_MIB)
        part.judge(f"{name}: calls that failed", part.find(name, "failed"), 0)
    return part


def _make_table(upstream: str, **pool: float) -> proxies.RouteTable:
    # The queue is not what is measured: nothing may be put out of it for its time or size.
    patient = {"max_wait_seconds": 600, "max_queued_bytes": 2**40}
    return proxies.make_table(proxies.spread(upstream), **patient, **pool)


async def _measure(
    make: Callable[[Path, str], contextlib.AbstractAsyncContextManager[Peer]],
    folder: Path,
    count: int,
    held: int,
) -> dict[str, float]:
    body = make_body(1024)
    head = (
        "POST /runs/wait HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    async with (
        proxies.stub(folder / "stub", "--hold") as stub,
        make(folder / "proxy", f"127.0.0.1:{stub.port}") as proxy,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{stub.port}", timeout=60) as upstream,
    ):
        await asyncio.sleep(1)
        rest = read_memory(proxy.pid)
        lines = [await _connect(proxy.port) for _ in range(count)]
        try:
            for number, line in enumerate(lines):
                await asyncio.get_running_loop().sock_sendall(line, head.encode() + body)
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0.01)
            came = await _until_held(upstream, held)
            await asyncio.sleep(1)
            most = read_memory(proxy.pid)
            await upstream.post("/release")
            answers = await asyncio.gather(*(_is_answered(line) for line in lines))
        finally:
            for line in lines:
                line.close()
    # What was refused does not wait: it is told as failed.
    per_call = (most - rest) * 1024 / (count if came == held else came)
    return {"rest": rest, "most": most, "per_call": per_call, "failed": answers.count(False)}


async def _connect(port: int) -> socket.socket:
    line = socket.socket()
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
    return line


async def _is_answered(line: socket.socket) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SETTLE_SECONDS):
            answer = await asyncio.get_running_loop().sock_recv(line, 4096)
            return answer.startswith(b"HTTP/1.1 200")
    return False


async def _until_held(upstream: httpx.AsyncClient, count: int) -> int:
    """Wait until the upstream has them all, or no more come; how many it has."""
    held, quiet = 0, 0
    while held < count and quiet < _QUIET_LOOKS:
        await asyncio.sleep(0.1)
        now = (await upstream.get("/held")).json()["held"]
        quiet = 0 if now > held else quiet + 1
        held = now
    return held
