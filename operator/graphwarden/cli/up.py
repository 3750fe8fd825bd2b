"""The start of `graphwarden up`: everything that can be wrong before a process is started."""

from __future__ import annotations

import asyncio

import click
from rich.console import Console

from graphwarden.cli import FAILED, USAGE
from graphwarden.local.board import make_board
from graphwarden.local.folder import load_folder
from graphwarden.local.state import StateDirectoryBusy
from graphwarden.local.up import UpOptions, is_port_free, serve
from graphwarden.telemetry import logs


def run_up(options: UpOptions) -> int:
    """Check, then serve until stopped; the exit code."""
    folder = load_folder(options.directory)
    if folder.manifests.errors:
        for problem in folder.problems():
            click.echo(str(problem), err=True)
        return FAILED
    if not folder.graphs:
        click.echo(
            f"{options.directory} holds no GraphSpec: add a graphspec.yaml, or name another folder",
            err=True,
        )
        return FAILED
    if not is_port_free(options.host, options.port):
        click.echo(
            f"port {options.port} on {options.host} is in use: stop the other server, or choose "
            "another one with --port",
            err=True,
        )
        return USAGE
    logs.configure("text", "WARNING")
    try:
        with options.state.claim():
            console = Console()
            board = make_board(console)
            board.say(f"serving on http://{options.host}:{options.port}")
            board.say(f"logs and database in {options.state.root}; Ctrl-C to stop")
            return asyncio.run(serve(options, folder, board))
    except StateDirectoryBusy as error:
        click.echo(
            f"another `graphwarden up` uses {error}: stop it, or choose another --state-dir",
            err=True,
        )
        return USAGE
    except OSError as error:
        click.echo(f"the state directory cannot be used: {error}", err=True)
        return USAGE
