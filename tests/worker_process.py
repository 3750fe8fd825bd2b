"""A real worker process for the tests. Import it by name (`import worker_process`)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

# Compiling all of LangGraph anew at each start would take longer than the tests.
BYTECODE = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "graphwarden-tests-pycache"),
}
APP_DIR = Path(__file__).parent / "contract"
_SECONDS_TO_WAIT = 60.0


def make_row(assistant_id: str, builder: str | None = None, **other: Any) -> dict[str, Any]:
    """A registry row for one of the test graphs; `builder` is a function of `flows.plain`."""
    return {
        "assistant_id": assistant_id,
        "module": "flows.plain",
        "compiled_attr": "graph",
        "builder_attr": builder or f"build_{assistant_id}",
        "resumable": False,
        "generation": 1,
        "context": {},
        "run": {},
        **other,
    }


def write_registry(path: Path, rows: list[dict[str, Any]]) -> None:
    """Replace the registry file by an atomic rename, as embedded mode does."""
    text = json.dumps({"version": 1, "capability": "tests", "graphs": rows})
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


class WorkerProcess:
    """One running worker."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, registry: Path) -> None:
        self.process = process
        self.url = url
        self.registry = registry
        self.http = httpx.AsyncClient(base_url=url, timeout=30)

    async def graphs(self) -> dict[str, dict[str, Any]]:
        """The load table, by assistant id."""
        table = (await self.http.get("/graphs")).json()
        return {graph["assistant_id"]: graph for graph in table["graphs"]}

    async def until_settled(self) -> dict[str, dict[str, Any]]:
        """The load table once no row is pending."""

        async def settled() -> dict[str, dict[str, Any]] | None:
            graphs = await self.graphs()
            return None if any(g["reason"] == "Pending" for g in graphs.values()) else graphs

        return await until(settled)

    async def kill(self) -> None:
        """SIGKILL: no time for goodbyes."""
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


async def until(probe: Callable[[], Any]) -> Any:
    """The first true value of an asynchronous probe."""
    async with asyncio.timeout(_SECONDS_TO_WAIT):
        while True:
            value = await probe()
            if value:
                return value
            await asyncio.sleep(0.03)


@asynccontextmanager
async def running_worker(
    folder: Path,
    rows: list[dict[str, Any]],
    *arguments: str,
    settle: bool = True,
    **environment: str,
) -> AsyncIterator[WorkerProcess]:
    """A worker that has loaded what it can of `rows`, for as long as the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = folder / "registry.json"
    write_registry(registry, rows)
    port = free_port()
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "graphwarden.worker",
            *("--registry", str(registry), "--capability", "tests"),
            *("--port", str(port), "--app-dir", str(APP_DIR)),
            *arguments,
            env={**os.environ, **BYTECODE, **environment},
            stderr=log,
        )
    worker = WorkerProcess(process, f"http://127.0.0.1:{port}", registry)
    try:
        await until(lambda: _answers(worker))
        if settle:
            await worker.until_settled()
        yield worker
    finally:
        await worker.http.aclose()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(worker: WorkerProcess) -> bool:
    if worker.process.returncode is not None:
        raise RuntimeError(f"the worker ended with {worker.process.returncode}")
    try:
        return bool((await worker.graphs()) or True)
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
