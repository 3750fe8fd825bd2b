"""The servers of others, each in a virtual environment of its own, for the same graphs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.load import until_answers
from worker_process import free_port

HERE = Path(__file__).parent
VENVS = HERE / ".venv-peers"
_START_SECONDS = 60.0
GRAPHS = {"one": "./chains.py:one", "ten": "./chains.py:ten"}


class PeerMissing(Exception):
    """A peer cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Peer:
    """A running server."""

    name: str
    port: int
    pid: int


def install(name: str, *requirements: str) -> Path:
    """The folder of the programs of a peer, installed at the first call.

    Raises:
        PeerMissing: there is no network, or the package does not install.
    """
    place = VENVS / name
    done = place / "installed"
    if not done.exists():
        print(f"installing {requirements[0]} into {place}", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements],
        ):
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise PeerMissing(f"{requirements[0]}: {ended.stderr.strip()[-300:]}")
        done.touch()
    return place / "bin"


@contextlib.asynccontextmanager
async def langgraph_dev(folder: Path) -> AsyncIterator[Peer]:
    """`langgraph dev`: threads and checkpoints in memory.

    Raises:
        PeerMissing: it cannot be installed or does not start.
    """
    programs = install("langgraph", "langgraph-cli[inmem]")
    config = {"dependencies": ["."], "graphs": GRAPHS, "python_version": "3.11"}
    port = free_port()
    # As many runs at once as a worker of ours is given.
    command = [str(programs / "langgraph"), "dev", "--no-browser", "--no-reload"]
    command += ["--port", str(port), "--n-jobs-per-worker", "10"]
    quiet = {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1", "LOG_LEVEL": "ERROR"}
    async with _running("langgraph dev", folder, config, command, port, quiet) as peer:
        yield peer


@contextlib.asynccontextmanager
async def aegra(folder: Path, dsn: str) -> AsyncIterator[Peer]:
    """aegra, on PostgreSQL.

    Raises:
        PeerMissing: it cannot be installed or does not start.
    """
    # SQLAlchemy needs greenlet for asyncio and no longer brings it; aegra-api does not name it.
    programs = install("aegra", "aegra-api", "greenlet")
    port = free_port()
    command = [str(programs / "uvicorn"), "aegra_api.main:app", "--port", str(port)]
    quiet = {
        "DATABASE_URL": dsn,
        "AEGRA_CONFIG": "langgraph.json",
        "AUTH_TYPE": "noop",
        "LOG_LEVEL": "ERROR",
        "ENV_MODE": "PRODUCTION",
        "PYTHONPATH": str(folder),
    }
    config = {"dependencies": ["."], "graphs": GRAPHS}
    async with _running(
        "aegra", folder, config, [*command, "--log-level", "error"], port, quiet
    ) as peer:
        yield peer


@contextlib.asynccontextmanager
async def _running(
    name: str,
    folder: Path,
    config: dict[str, object],
    command: list[str],
    port: int,
    environment: dict[str, str],
) -> AsyncIterator[Peer]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chains.py").write_text((HERE / "chains.py").read_text())
    (folder / "langgraph.json").write_text(json.dumps(config))
    own = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    log = folder / "log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**own, **environment}, stdout=file, stderr=file
        )
    try:
        if not await until_answers(port, lambda: process.returncode is None, _START_SECONDS):
            raise PeerMissing(f"{name} does not start: {log.read_text()[-600:]}")
        yield Peer(name, port, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()
