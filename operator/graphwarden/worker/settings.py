"""The worker's settings: read once from the command line and the environment, then handed down."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from graphwarden.telemetry.settings import (
    TracingSettings,
    TracingSettingsError,
    parse_tracing,
)
from graphwarden.worker.egress import Allowed, parse_allowed
from graphwarden.worker.engine.retention import Retention

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
    # How long new runs are still refused, before nobody answers.
    unready_seconds: float = 0.2
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    log_format: Literal["json", "text"] = "json"
    # LangGraph clients derive a dead-socket timeout from this cadence, so it must be steady.
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    # Where the router and other workers find this one.
    address: str = "127.0.0.1:8000"
    # How long a worker that holds its lock and does not turn is left alone.
    lease_seconds: float = 20.0
    retention: Retention = field(default_factory=Retention)
    webhook_allow: Allowed = field(default_factory=Allowed)
    blocked_loop_warn_seconds: float = 1.0
    blocked_loop_limit_seconds: float = 10.0
    # None: nine tenths of the cgroup's limit, if it has one; 0: none.
    memory_limit_bytes: int | None = None
    lost_threads_limit_seconds: float = 30.0
    database_pool_size: int = 10
    sqlite_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    tracing: TracingSettings = field(default_factory=TracingSettings)


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
    add("--unready-seconds", "0.2", "time that routers get to notice after SIGTERM", type=float)
    add("--max-body-bytes", str(DEFAULT_MAX_BODY_BYTES), "largest request body", type=int)
    add("--address", None, "host:port at which the router reaches this worker (default: its own)")
    add("--lease-seconds", "20", "silence after which a worker counts as lost", type=float)
    add("--webhook-allow", None, "hosts and networks that webhooks may call although not public")
    add("--history-days", "7", "days until a thread keeps only its latest checkpoint", type=float)
    add("--thread-days", "90", "days until an untouched thread is deleted, 0: never", type=float)
    add("--heartbeat-seconds", str(HEARTBEAT_SECONDS), "keep-alive cadence of answers", type=float)
    add("--blocked-loop-warn-seconds", "1", "block of the event loop that is told", type=float)
    add("--blocked-loop-limit-seconds", "10", "block that ends the process, 0: none", type=float)
    add("--memory-limit-bytes", None, "ends runs beyond it (default: cgroup's, 0: none)", type=int)
    add("--lost-threads-limit-seconds", "30", "how long ended runs may hold threads", type=float)
    add("--database-pool-size", "10", "connections to PostgreSQL for checkpoints", type=int)
    add(
        "--sqlite-synchronous",
        "NORMAL",
        "FULL keeps the last commits when the power goes (default NORMAL)",
        choices=["NORMAL", "FULL"],
    )
    add("--log-format", "json", "json or text", choices=["json", "text"])
    return parser


def parse_settings(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a command line; exits with a usage message when something is missing."""
    parser = make_parser(environ)
    found = parser.parse_args(arguments)
    try:
        tracing = parse_tracing(environ)
    except TracingSettingsError as error:
        parser.error(str(error))
    return Settings(
        registry=Path(found.registry),
        capability=found.capability,
        host=found.host,
        port=found.port,
        database_url=found.database_url or None,
        app_dir=Path(found.app_dir) if found.app_dir else None,
        concurrency=found.concurrency,
        drain_seconds=found.drain_seconds,
        unready_seconds=found.unready_seconds,
        max_body_bytes=found.max_body_bytes,
        log_format=cast(Literal["json", "text"], found.log_format),
        heartbeat_seconds=found.heartbeat_seconds,
        address=found.address or f"{_reachable(found.host)}:{found.port}",
        lease_seconds=found.lease_seconds,
        webhook_allow=parse_allowed(found.webhook_allow or ""),
        retention=Retention(
            history=_days(found.history_days),
            threads=_days(found.thread_days),
        ),
        blocked_loop_warn_seconds=found.blocked_loop_warn_seconds,
        blocked_loop_limit_seconds=found.blocked_loop_limit_seconds,
        memory_limit_bytes=found.memory_limit_bytes,
        lost_threads_limit_seconds=found.lost_threads_limit_seconds,
        database_pool_size=found.database_pool_size,
        sqlite_synchronous=cast(Literal["NORMAL", "FULL"], found.sqlite_synchronous),
        tracing=tracing,
    )


def _reachable(host: str) -> str:
    """The address of this machine where the worker listens on all of them."""
    return host if host not in ("0.0.0.0", "::") else socket.gethostbyname(socket.gethostname())  # noqa: S104


def _days(count: float) -> timedelta | None:
    return timedelta(days=count) if count > 0 else None
