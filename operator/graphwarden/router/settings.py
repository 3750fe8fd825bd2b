"""The router's settings, from the command line and the environment."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from graphwarden.telemetry.settings import (
    TracingSettings,
    TracingSettingsError,
    parse_tracing,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the table comes from, where to listen, and the limits of requests (bytes, seconds)."""

    table: Path | None = None
    namespaces: tuple[str, ...] = ()
    all_namespaces: bool = False
    host: str = "127.0.0.1"
    port: int = 8123
    max_body_bytes: int = 16 * 2**20
    head_timeout_seconds: float = 10
    body_timeout_seconds: float = 60
    unread_seconds: float = 120
    auth: Literal["none", "keys", "token-review"] = "none"
    keys: Path | None = None
    token_audience: str | None = None
    cors_origins: tuple[str, ...] = ("*",)
    max_connections: int = 20_000
    load_table_seconds: float = 2
    drain_seconds: float = 1800
    unready_seconds: float = 0.2
    access_log: bool = True
    console: bool = False
    log_format: Literal["json", "text"] = "json"
    tracing: TracingSettings = field(default_factory=TracingSettings)


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line, with defaults from GRAPHWARDEN_* variables."""
    parser = argparse.ArgumentParser(
        prog="python -m graphwarden.router",
        description="Send each call to the worker pool that owns the graph.",
        epilog="Each option can be given by environment too: --port is GRAPHWARDEN_PORT.",
    )

    def default(flag: str, value: str | None = None) -> str | None:
        return environ.get("GRAPHWARDEN_" + flag.replace("-", "_").upper()) or value

    source = parser.add_mutually_exclusive_group()
    source.add_argument("--table", default=default("table"), help="route table file, followed")
    source.add_argument(
        "--kubernetes",
        action="store_true",
        default=_is_on(default("kubernetes")),
        help="follow a cluster's GraphSpecs",
    )
    parser.add_argument(
        "--namespace",
        action="append",
        help="namespace to follow; may be repeated (in the environment: separated by commas)",
    )
    parser.add_argument(
        "--all-namespaces", action="store_true", default=_is_on(default("all-namespaces"))
    )
    parser.add_argument("--host", default=default("host", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=default("port", "8123"))
    parser.add_argument(
        "--max-body-bytes", type=int, default=default("max-body-bytes", str(16 * 2**20))
    )
    parser.add_argument(
        "--head-timeout-seconds",
        type=float,
        default=default("head-timeout-seconds", "10"),
        help="how long a client may take to send the head of a request (default 10)",
    )
    parser.add_argument(
        "--body-timeout-seconds",
        type=float,
        default=default("body-timeout-seconds", "60"),
        help="how long a client may send nothing of a body (default 60)",
    )
    parser.add_argument(
        "--unread-seconds",
        type=float,
        default=default("unread-seconds", "120"),
        help="how long a client may read nothing of an answer (default 120)",
    )
    parser.add_argument("--drain-seconds", type=float, default=default("drain-seconds", "1800"))
    parser.add_argument(
        "--unready-seconds",
        type=float,
        default=default("unready-seconds"),
        help="how long to serve on after SIGTERM, until nobody sends new calls here "
        "(default 0.2, with --kubernetes 5)",
    )
    parser.add_argument(
        "--auth",
        choices=["none", "keys", "token-review"],
        default=default("auth"),
        help="who may call: everybody, API keys, or tokens of the cluster (none on loopback)",
    )
    parser.add_argument("--keys", default=default("keys"), help="folder of API keys, followed")
    parser.add_argument(
        "--token-audience", default=default("token-audience"), help="that tokens must be for"
    )
    parser.add_argument(
        "--cors-origin",
        action="append",
        help="origin whose pages may call, or *; may be repeated (in the environment: separated "
        "by commas; default *)",
    )
    parser.add_argument(
        "--max-connections",
        type=int,
        default=default("max-connections", "20000"),
        help="client connections beyond which new ones are refused (default 20000)",
    )
    parser.add_argument(
        "--load-table-seconds",
        type=float,
        default=default("load-table-seconds", "2"),
        help="how often workers are asked what they have loaded, 0: never (default 2)",
    )
    parser.add_argument(
        "--console",
        action="store_true",
        default=_is_on(default("console")),
        help="serve a page under /console/ that shows the fleet and its runs",
    )
    parser.add_argument(
        "--no-access-log", action="store_true", default=_is_on(default("no-access-log"))
    )
    parser.add_argument(
        "--log-format", choices=["json", "text"], default=default("log-format", "json")
    )
    return parser


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true", "yes", "on")


def parse_settings(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a command line; exits with a usage message when something is missing."""
    parser = make_parser(environ)
    found = parser.parse_args(arguments)
    if not found.kubernetes and not found.table:
        parser.error("one of --table FILE and --kubernetes is needed")
    named = environ.get("GRAPHWARDEN_NAMESPACE", "").split(",")
    namespaces = found.namespace or [name.strip() for name in named if name.strip()]
    if found.kubernetes and not (namespaces or found.all_namespaces):
        parser.error("--kubernetes needs --namespace NS or --all-namespaces")
    if found.auth is None and not is_loopback(found.host):
        parser.error(
            f"--auth is needed to listen on {found.host}: keys, token-review, or none for everybody"
        )
    if found.auth == "keys" and not found.keys:
        parser.error("--auth=keys needs --keys DIR, a folder of API keys")
    if found.auth == "token-review" and not found.kubernetes:
        parser.error("--auth=token-review needs --kubernetes")
    try:
        tracing = parse_tracing(environ)
    except TracingSettingsError as error:
        parser.error(str(error))
    origins = environ.get("GRAPHWARDEN_CORS_ORIGIN", "*").split(",")
    unready = 5.0 if found.kubernetes else 0.2
    return Settings(
        table=Path(found.table) if found.table and not found.kubernetes else None,
        namespaces=tuple(namespaces),
        all_namespaces=found.all_namespaces,
        host=found.host,
        port=found.port,
        max_body_bytes=found.max_body_bytes,
        head_timeout_seconds=found.head_timeout_seconds,
        body_timeout_seconds=found.body_timeout_seconds,
        unread_seconds=found.unread_seconds,
        drain_seconds=found.drain_seconds,
        auth=found.auth or "none",
        keys=Path(found.keys) if found.keys else None,
        token_audience=found.token_audience,
        cors_origins=tuple(found.cors_origin or (one.strip() for one in origins if one.strip())),
        max_connections=found.max_connections,
        load_table_seconds=found.load_table_seconds,
        unready_seconds=found.unready_seconds if found.unready_seconds is not None else unready,
        access_log=not found.no_access_log,
        console=found.console,
        log_format=cast(Literal["json", "text"], found.log_format),
        tracing=tracing,
    )
