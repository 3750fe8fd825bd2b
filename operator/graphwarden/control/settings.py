"""The operator's settings, parsed once at the start and handed down."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError

from graphwarden.api.fleet import Policy
from graphwarden.api.graphpool import GraphPoolSpec
from graphwarden.control.kinds import CHILDREN, CHILDREN_WITH_KEDA, Kind
from graphwarden.telemetry.logs import LogFormat


class SettingsError(Exception):
    """A setting that cannot be used, as a sentence for whoever starts the operator."""


@dataclass(frozen=True)
class Settings:
    """How this operator runs. An empty `namespaces` is the whole cluster."""

    namespaces: tuple[str, ...] = ()
    defaults: GraphPoolSpec = field(default_factory=GraphPoolSpec)
    policy: Policy = field(default_factory=Policy)
    router_url: str = "http://graphwarden-router"
    metrics_port: int = 8080
    health_port: int = 8081
    log_format: LogFormat = "json"
    log_level: str = "INFO"
    instance: str = "graphwarden-operator"
    # 0: the operator tells autoscalers nothing, and they go by CPU.
    external_metrics_port: int = 0
    external_metrics_tls: Path = Path("/etc/graphwarden/external-metrics")
    own_namespace: str = "default"
    resync_seconds: float = 60.0

    @property
    def children(self) -> tuple[Kind, ...]:
        """The kinds that this operator writes."""
        return CHILDREN_WITH_KEDA if self.policy.keda_url else CHILDREN

    @property
    def run_url(self) -> str:
        """Where a run is posted through the router."""
        return f"{self.router_url.rstrip('/')}/runs/wait"


def make_parser() -> argparse.ArgumentParser:
    """The command line; every option has an environment variable of the same meaning."""
    parser = argparse.ArgumentParser(
        prog="python -m graphwarden.control",
        description="Turn GraphSpecs and GraphPools into worker pools.",
        epilog="Each option may be given as GRAPHWARDEN_<NAME> in the environment instead.",
    )
    add_settings(parser)
    commands = parser.add_subparsers(dest="command", metavar="{render,crds}")
    commands.add_parser("crds", help="bring the cluster's resource definitions up to date")
    render = commands.add_parser(
        "render", help="print the objects that would be applied for a folder of manifests"
    )
    add_settings(render, default=argparse.SUPPRESS)
    render.add_argument("--manifests", type=Path, required=True, metavar="DIR")
    return parser


def add_settings(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the options that `parse_settings` reads."""
    option = parser.add_argument
    option("--namespaces", default=default, help="comma list; empty: the whole cluster")
    option("--pool-defaults", default=default, metavar="FILE", help="YAML of a GraphPool spec")
    option("--allowed-modules", default=default, help="comma list of module prefixes; empty: all")
    option("--allowed-registries", default=default, help="comma list of image prefixes; empty: all")
    option("--router-url", default=default, help="the router as callers see it, for status.url")
    option("--metrics-port", default=default, help="Prometheus metrics (8080)")
    option("--health-port", default=default, help="/healthz and /readyz (8081)")
    option(
        "--external-metrics-port", default=default, help="external.metrics.k8s.io; 0: not served"
    )
    option("--external-metrics-tls", default=default, metavar="DIR", help="tls.crt and tls.key")
    option("--own-namespace", default=default, help="where router and operator run")
    option("--keda-url", default=default, help="where KEDA asks this operator for runs in flight")
    option("--worker-env", default=default, metavar="JSON", help="variables of every worker")
    option("--resync-seconds", default=default, help="how often everything is looked at (60)")
    option("--log-format", default=default, choices=["json", "text"])
    option("--log-level", default=default, help="DEBUG, INFO (default), WARNING or ERROR")


def parse_settings(
    options: argparse.Namespace, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Options first, then the environment, then the defaults.

    Raises:
        SettingsError: a value or the file of defaults cannot be used.
    """

    def read(name: str, fallback: str) -> str:
        given = getattr(options, name, None)
        found = environ.get(f"GRAPHWARDEN_{name.upper()}", "") if given is None else given
        return str(found) or fallback

    built_in = Settings()
    defaults_file = read("pool_defaults", "")
    metrics_port = read("external_metrics_port", "0")
    counted = _parse_port("external_metrics_port", metrics_port)
    log_format: LogFormat = "text" if read("log_format", "json") == "text" else "json"
    return Settings(
        namespaces=_split(read("namespaces", "")),
        defaults=load_pool_defaults(Path(defaults_file)) if defaults_file else GraphPoolSpec(),
        policy=Policy(
            allowed_modules=_split(read("allowed_modules", "")),
            allowed_registries=_split(read("allowed_registries", "")),
            counts_runs=bool(counted),
            keda_url=read("keda_url", ""),
            router_namespace=read("own_namespace", ""),
            worker_env=_parse_variables(read("worker_env", "")),
        ),
        router_url=read("router_url", built_in.router_url),
        metrics_port=_parse_port("metrics_port", read("metrics_port", "8080")),
        health_port=_parse_port("health_port", read("health_port", "8081")),
        log_format=log_format,
        log_level=read("log_level", "INFO").upper(),
        external_metrics_port=counted,
        external_metrics_tls=Path(read("external_metrics_tls", str(built_in.external_metrics_tls))),
        own_namespace=read("own_namespace", built_in.own_namespace),
        resync_seconds=_parse_seconds("resync_seconds", read("resync_seconds", "60")),
        instance=environ.get("HOSTNAME") or built_in.instance,
    )


def load_pool_defaults(path: Path) -> GraphPoolSpec:
    """Read the settings of pools that have no GraphPool: YAML or JSON of a GraphPool's spec.

    Raises:
        SettingsError: the file cannot be read, or holds no such spec.
    """
    try:
        document = yaml.safe_load(path.read_text()) or {}
        return GraphPoolSpec.model_validate(document, extra="forbid", by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"pool defaults {path}: {where}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"pool defaults {path} cannot be read: {error}") from error


def _parse_variables(text: str) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SettingsError('worker-env must be a JSON object of strings, such as {"TZ": "UTC"}')
    return tuple(sorted(found.items()))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_port(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise SettingsError(f"{name.replace('_', '-')} must be a port number, not {text!r}")
    return int(text)


def _parse_seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise SettingsError(f"{name.replace('_', '-')} must be 1 to 3600 seconds, not {text!r}")
    return seconds


def parse_command_line(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line as a namespace."""
    return make_parser().parse_args(arguments)
