"""A worker whose every byte the test decides, and a router process in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable

Script = Callable[["Received", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Received:
    """One request as the worker got it."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Upstream:
    """A listening worker. `script` answers; `received` is what it was asked."""

    script: Script
    received: list[Received] = field(default_factory=list)
    endpoint: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer_all(reader, writer)
        finally:
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await read_request(reader)
                if not request.line.startswith("GET /graphs"):
                    self.received.append(request)
                await self.script(request, reader, writer)
                await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    headers = {k.lower(): v for k, v in (item.split(": ", 1) for item in rest)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(line, headers, body)


def answer(status: int, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Some", f"content-length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(status: int, body: bytes = b"{}", **headers: str) -> Script:
    async def script(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, body, **headers))

    return script


@asynccontextmanager
async def listening(script: Script, host: str = "127.0.0.1") -> AsyncIterator[Upstream]:
    upstream = Upstream(script)
    server = await asyncio.start_server(upstream.accept, host, 0)
    upstream.endpoint = f"{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        for task in list(upstream.tasks):
            task.cancel()
        await asyncio.gather(*upstream.tasks, return_exceptions=True)


class Router:
    """A router process with the table that the test writes."""

    def __init__(self, path: Path, port: int) -> None:
        self.path = path
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=20)
        self.process: asyncio.subprocess.Process | None = None
        self._generation = 0

    async def route(self, pools: dict[str, dict[str, Any]], **assistants: dict[str, Any]) -> None:
        """Put a table in force, and wait until it is."""
        self._generation += 1
        table = RouteTable(
            generation=self._generation,
            pools={name: PoolRoute(**pool) for name, pool in pools.items()},
            assistants={name: AssistantRoute(**route) for name, route in assistants.items()},
        )
        fresh = self.path.with_suffix(".new")
        fresh.write_text(table.model_dump_json())
        fresh.rename(self.path)
        while True:
            with contextlib.suppress(httpx.TransportError):
                ready = await self.http.get("/ready")
                if ready.is_success and ready.json()["generation"] == self._generation:
                    return
            await asyncio.sleep(0.02)

    async def to(self, *endpoints: str, **pool: Any) -> None:
        """One graph `x` in one pool with these workers."""
        settings = {"endpoints": list(endpoints), "has_storage": True, **pool}
        await self.route({"p": settings}, x={"pool": "p"})

    async def run(self, **body: Any) -> httpx.Response:
        """POST /runs/wait for the graph `x`."""
        return await self.http.post("/runs/wait", json={"assistant_id": "x", **body})

    async def gauge(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = (await self.http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    async def settle(self) -> None:
        """Wait until every place in flight or in a queue was given back."""
        async with asyncio.timeout(10):
            for name in ("graphwarden_router_in_flight", "graphwarden_router_queue_depth"):
                while await self.gauge(name):
                    await asyncio.sleep(0.02)

    async def send(self, data: bytes) -> bytes:
        """Raw bytes on a connection of their own; everything that comes back until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        try:
            async with asyncio.timeout(10):
                return await reader.read()
        finally:
            # What the router did not want to read is still to be sent.
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def running_router(
    folder: Path, *arguments: str, kubeconfig: Path | None = None, **environment: str
) -> AsyncIterator[Router]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    router = Router(folder / "table.json", port)
    source = "--kubernetes" if kubeconfig else f"--table={router.path}"
    # Workers here answer each call as the test says, and are asked nothing of the router's own.
    quiet = "--load-table-seconds=0"
    command = ["-m", "graphwarden.router", source, f"--port={port}", quiet, *arguments]
    environ = {**os.environ, **environment}
    if kubeconfig:
        environ["KUBECONFIG"] = str(kubeconfig)
    with (folder / "router.log").open("wb") as log:
        router.process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=log, stderr=log, env=environ
        )
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await router.http.get("/live")).is_success:
                    break
            assert router.process.returncode is None, (folder / "router.log").read_text()
            await asyncio.sleep(0.02)
        yield router
        if router.process.returncode is None:
            await router.settle()
    finally:
        await router.http.aclose()
        if router.process.returncode is None:
            router.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(router.process.wait(), 15)
        text = (folder / "router.log").read_text()
    assert code == 0, text
    assert "Traceback" not in text, text
