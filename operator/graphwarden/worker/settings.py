"""The worker's settings: read once from the command line and the environment, then handed down."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

DEFAULT_MAX_BODY_BYTES = 16 * 1024 * 1024
HEARTBEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a worker is told. Durations in seconds, sizes in bytes."""

    registry: Path
    capability: str
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str | None = None
    app_dir: Path | None = None
    concurrency: int = 10
    drain_seconds: float = 30.0
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    log_format: Literal["json", "text"] = "json"
    # LangGraph clients derive a dead-socket timeout from this cadence, so it must be steady.
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    name: str = "worker"


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line, with each default taken from the variable of the same name."""
    parser = argparse.ArgumentParser(
        prog="python -m graphwarden.worker",
        description="Load the graphs of one pool and serve the LangGraph API for them.",
        epilog="Each option can be given by environment too: --registry is GRAPHWARDEN_REGISTRY.",
    )

    def add(flag: str, default: str | None, help_text: str, **more: object) -> None:
        variable = "GRAPHWARDEN_" + flag.removeprefix("--").replace("-", "_").upper()
        value = environ.get(variable) or default
        needed = bool(more.pop("required", False)) and value is None
        parser.add_argument(flag, default=value, help=help_text, required=needed, **more)  # type: ignore[arg-type]

    add("--registry", None, "file with the registry rows, watched for changes", required=True)
    add("--capability", None, "name of the pool this worker belongs to", required=True)
    add("--host", "127.0.0.1", "address to listen on (default 127.0.0.1)")
    add("--port", "8000", "port to listen on (default 8000)", type=int)
    add(
        "--database-url", None, "sqlite+aiosqlite:///FILE or postgresql://..., for resumable graphs"
    )
    add("--app-dir", None, "folder put first on the import path")
    add("--concurrency", "10", "runs in flight before new ones are refused (default 10)", type=int)
    add("--drain-seconds", "30", "time that runs get to finish after SIGTERM", type=float)
    add("--max-body-bytes", str(DEFAULT_MAX_BODY_BYTES), "largest request body", type=int)
    add("--heartbeat-seconds", str(HEARTBEAT_SECONDS), "keep-alive cadence of answers", type=float)
    add("--log-format", "json", "json or text", choices=["json", "text"])
    return parser


def parse_settings(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a command line; exits with a usage message when something is missing."""
    found = make_parser(environ).parse_args(arguments)
    return Settings(
        registry=Path(found.registry),
        capability=found.capability,
        host=found.host,
        port=found.port,
        database_url=found.database_url or None,
        app_dir=Path(found.app_dir) if found.app_dir else None,
        concurrency=found.concurrency,
        drain_seconds=found.drain_seconds,
        max_body_bytes=found.max_body_bytes,
        log_format=cast(Literal["json", "text"], found.log_format),
        heartbeat_seconds=found.heartbeat_seconds,
        name=f"{socket.gethostname()}:{found.port}",
    )
