"""The plugin's commands, their options and their words."""

from __future__ import annotations

import importlib.metadata
import sys

import click
from click.shell_completion import get_completion_class

from graphwarden.cli import FAILED
from graphwarden.cli.client import Call
from graphwarden.cli.plugin.completion import suggest_assistants, suggest_pools
from graphwarden.cli.plugin.options import (
    apply,
    cluster_options,
    connect,
    connect_router,
    everywhere_option,
    output_option,
    router_options,
    wait_options,
)
from graphwarden.cli.reading import read_json

pool_argument = click.argument("pool", shell_complete=suggest_pools)
assistant_argument = click.argument("assistant", shell_complete=suggest_assistants)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@cluster_options
@router_options
@click.version_option(importlib.metadata.version("graphwarden"), message="%(version)s")
def cli() -> None:
    """See and handle a fleet of LangGraph graphs in a cluster.

    Everything is done through the API server, as whoever kubectl is signed in as.

    Exit codes: 0 done, 1 something is not ready or a run failed, 2 wrong usage, 3 nothing answers,
    4 the API server or the router refused.
    """


@cli.command()
@cluster_options
@router_options
@everywhere_option
@click.option("-w", "--watch", is_flag=True, help="Stay, and show what changes; Ctrl-C ends it.")
@output_option
def status(everywhere: bool, watch: bool, output: str) -> None:
    """Show each pool: its pods, calls, queue, graphs and worst error."""
    from graphwarden.cli.plugin.looking import show_status

    with connect() as cluster, connect_router(cluster) as router:
        code = show_status(cluster, router, output=output, everywhere=everywhere, watch=watch)
    sys.exit(code)


@cli.command()
@cluster_options
@everywhere_option
@output_option
def errors(everywhere: bool, output: str) -> None:
    """List every GraphSpec and GraphPool that is not ready, and what to do.

    The exit code is 1 when there is one.
    """
    from graphwarden.cli.plugin.looking import show_errors

    with connect() as cluster:
        code = show_errors(cluster, output=output, everywhere=everywhere)
    sys.exit(code)


@cli.command()
@assistant_argument
@cluster_options
@router_options
@output_option
def explain(assistant: str, output: str) -> None:
    """Say where a call of ASSISTANT would go now, and why.

    ASSISTANT is an assistantID, its UUID, or the name of a GraphSpec. The exit code is 1 when the
    call would be refused.
    """
    from graphwarden.cli.plugin.looking import show_explanation

    with connect() as cluster, connect_router(cluster) as router:
        code = show_explanation(cluster, router, assistant, output)
    sys.exit(code)


@cli.command()
@assistant_argument
@click.option(
    "--input", "graph_input", help="JSON, a file that holds it (also as @FILE), or - for a pipe."
)
@cluster_options
@router_options
def run(assistant: str, graph_input: str | None) -> None:
    """Run ASSISTANT once and print its result as JSON."""
    from graphwarden.cli.plugin.handling import run as run_once

    call = Call(assistant=assistant, graph_input=read_json(_strip_at(graph_input), "--input"))
    with connect() as cluster, connect_router(cluster) as router:
        code = run_once(router, call)
    sys.exit(code)


def _strip_at(text: str | None) -> str | None:
    return text[1:] if text and text.startswith("@") else text


@cli.command()
@pool_argument
@click.option("--undo", is_flag=True, help="Let the graphs that a drain suspended run again.")
@apply(*wait_options)
@cluster_options
def drain(pool: str, undo: bool, no_wait: bool, timeout_seconds: float) -> None:
    """Take POOL out of service: new calls are refused, runs end, then the pods leave.

    Each GraphSpec of the pool is set to suspend: true and marked, so that --undo brings back these
    and no others.
    """
    from graphwarden.cli.plugin.handling import drain as drain_pool

    with connect() as cluster:
        wait = None if no_wait else timeout_seconds
        code = drain_pool(cluster, pool, undo=undo, wait_seconds=wait)
    sys.exit(code)


@cli.command()
@pool_argument
@apply(*wait_options)
@cluster_options
def restart(pool: str, no_wait: bool, timeout_seconds: float) -> None:
    """Replace the pods of POOL, each new one before an old one leaves."""
    from graphwarden.cli.plugin.handling import restart as restart_pool

    with connect() as cluster:
        wait = None if no_wait else timeout_seconds
        code = restart_pool(cluster, pool, wait_seconds=wait)
    sys.exit(code)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL for the name kubectl-graphs.

    `kubectl graphs` itself is completed by kubectl's own script, which asks the program
    kubectl_complete-graphs beside this one.
    """
    shell_class = get_completion_class(shell)
    if shell_class is None:
        sys.exit(FAILED)
    click.echo(shell_class(cli, {}, "kubectl-graphs", "_KUBECTL_GRAPHS_COMPLETE").source())
