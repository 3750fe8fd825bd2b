"""S3 of `bench.router`: hostile requests and their answers; slow clients beside others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bench import proxies
from bench.load import quantile, summarise, there_and_back
from bench.pace import Pace, count_statuses, keep_pace
from bench.parts import Part, start
from bench.peers import Peer
from bench.router_cpu import ENVOY, OURS
from integration.router.payloads import PAYLOADS, Payload

SLOW_CLIENTS, RATE = 1000, 200.0
# Goal: p99 of healthy calls beside slow clients, by that without them.
P99_RATIO = 2.0
_BODY_LIMIT = 100_000
_ANSWER_SECONDS = 3.0
# Well inside the limit of time that a head has, and a byte each.
_DRIP_SECONDS = 1.0


async def measure_hostile(folder: Path, rounds: int, seconds: float) -> Part:
    """S3: what every payload is answered with, and how many requests the worker saw of it."""
    part = Part(f"S3  {len(PAYLOADS)} hostile requests; {SLOW_CLIENTS} slow clients beside healthy")
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(proxies.stub(folder / "upstream"))
        address = f"127.0.0.1:{upstream.port}"
        table = proxies.make_table(proxies.spread(address))
        options = (f"--max-body-bytes={_BODY_LIMIT}",)
        subjects = {
            OURS: proxies.graphwarden(folder / "ours", table, *options),
            ENVOY: proxies.envoy(folder / "envoy", table),
            "haproxy": proxies.haproxy(folder / "haproxy", address),
        }
        peers = await start(stack, subjects, part.missing)
        await _send_all(part, upstream, peers)
        await _go_slow(part, folder, {OURS: peers[OURS]}, rounds, seconds)
    return part


async def _send_all(part: Part, upstream: Peer, peers: dict[str, Peer]) -> None:
    wrong, seen = [], 0
    for payload in PAYLOADS:
        row: dict[str, object] = {"subject": payload.name, "rule": payload.rule}
        for name, peer in peers.items():
            before = await _count(upstream.port)
            answer = await _send(peer.port, payload)
            requests = await _count(upstream.port) - before
            row |= {name: answer, f"{name}: worker saw": requests}
            if name == OURS:
                seen += requests
                if answer not in {f"{status}, closed" for status in payload.statuses}:
                    wrong.append(payload.name)
        part.rows.append(row)
    part.judge(f"payloads with another answer {wrong or ''}".strip(), len(wrong), 0)
    part.judge("requests that the worker saw of them", seen, 0)


async def _send(port: int, payload: Payload) -> str:
    """The statuses of all answers, and whether the connection was closed after them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got, closed = b"", False
    with contextlib.suppress(ConnectionError):
        writer.write(payload.data)
        await writer.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            try:
                while data := await reader.read(65536):
                    got += data
            except ConnectionError:
                pass
            closed = True
    writer.close()
    statuses = [line[9:12].decode() for line in got.splitlines() if line.startswith(b"HTTP/1.")]
    return ", ".join([*(statuses or ["no answer"]), "closed" if closed else "open"])


async def _count(port: int) -> int:
    """How many requests the stub has had."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /held HTTP/1.1\r\nhost: bench\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.read(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))
    writer.close()
    return int(json.loads(body)["requests"])


async def _go_slow(
    part: Part, folder: Path, peers: dict[str, Peer], rounds: int, seconds: float
) -> None:
    """Healthy calls at a fixed rate, without and with clients that send a byte now and then."""
    for name, peer in peers.items():
        found: dict[str, list[float]] = {"without": [], "with": []}
        failed = 0
        for which in there_and_back(list(found), rounds):
            slow = contextlib.nullcontext() if which == "without" else _slow_clients(peer.port)
            async with slow:
                calls = await keep_pace(Pace(peer.port, RATE, seconds), folder)
            found[which].append(quantile([latency for _, latency, _ in calls], 0.99) * 1e3)
            failed += sum(n for status, n in count_statuses(calls).items() if status != "200")
            print(f"  p99 {which} slow clients: {found[which][-1]:.2f} ms", file=sys.stderr)
        row: dict[str, object] = {"subject": f"{name}, healthy p99, ms"}
        row |= {f"{which} slow clients": summarise(one) for which, one in found.items()}
        part.rows.append({**row, "failed": failed})
        medians = [summarise(one)["median"] for one in found.values()]
        part.judge("p99 beside slow clients, by that without", medians[1] / medians[0], P99_RATIO)
        part.judge("healthy calls that failed", failed, 0)


@contextlib.asynccontextmanager
async def _slow_clients(port: int) -> AsyncIterator[None]:
    """Half of them never end their head, half never end their body."""
    lines = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", port) for _ in range(SLOW_CLIENTS))
    )
    writers = [writer for _, writer in lines]
    head = b"POST /runs/wait HTTP/1.1\r\nHost: a\r\n"
    for number, writer in enumerate(writers):
        writer.write(head if number % 2 else head + b"Content-Length: 5000\r\n\r\n{")
    dripping = asyncio.create_task(_drip(writers))
    try:
        yield
    finally:
        dripping.cancel()
        for writer in writers:
            writer.close()


async def _drip(writers: Sequence[asyncio.StreamWriter]) -> None:
    while True:
        await asyncio.sleep(_DRIP_SECONDS)
        for number, writer in enumerate(writers):
            if not writer.is_closing():
                writer.write(b"X-A: b\r\n" if number % 2 else b" ")
