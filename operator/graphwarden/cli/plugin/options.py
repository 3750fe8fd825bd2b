"""Options that several commands share; those of the cluster may stand before or after a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from graphwarden.cli.plugin.cluster import Cluster, Target, open_cluster
from graphwarden.cli.plugin.router import Router, RouterAccess, open_router

_KEY = "graphwarden.cli.plugin"

Command = Callable[..., Any]


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        context.meta.setdefault(_KEY, {})[parameter.name] = value


def _make_option(*names: str, help: str, **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, help=help, callback=_keep, expose_value=False, **more)


_CLUSTER = (
    _make_option("--kubeconfig", metavar="FILE", help="As of kubectl, which reads KUBECONFIG too."),
    _make_option("--context", metavar="NAME", help="The kubeconfig's context to use."),
    _make_option("-n", "--namespace", metavar="NAME", help="Instead of that of the context."),
)
_ROUTER = (
    _make_option(
        "--url",
        metavar="URL",
        help="The router's address, instead of the way through the API server.",
    ),
    _make_option(
        "--api-key", envvar="GRAPHWARDEN_API_KEY", show_envvar=True, help="Of the router."
    ),
    _make_option(
        "--router-namespace",
        metavar="NAME",
        help="Where the router stands, if the GraphSpecs' status does not tell.",
    ),
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people or for programs.",
)
everywhere_option = click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="Of every namespace."
)
wait_options = (
    click.option("--no-wait", is_flag=True, help="Only write it, and look at nothing."),
    click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(min=0),
        default=1800.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait.",
    ),
)


def apply(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several options, in the order that --help shows."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


cluster_options = apply(*_CLUSTER)
router_options = apply(*_ROUTER)


def read_target(context: click.Context) -> Target:
    """The cluster that the command line names."""
    kept = context.meta.get(_KEY, {})
    return Target(kept.get("kubeconfig"), kept.get("context"), kept.get("namespace"))


@contextmanager
def connect() -> Iterator[Cluster]:
    """The cluster of the command that runs."""
    with open_cluster(read_target(click.get_current_context())) as cluster:
        yield cluster


@contextmanager
def connect_router(cluster: Cluster) -> Iterator[Router]:
    """The router of the command that runs."""
    kept = click.get_current_context().meta.get(_KEY, {})
    access = RouterAccess(kept.get("url"), kept.get("api_key"), kept.get("router_namespace"))
    with open_router(cluster, access) as router:
        yield router
