"""The start of `graphwarden up`: everything that can be wrong before a process is started."""

from __future__ import annotations

import asyncio
import errno
import os

import click
from rich.console import Console

from graphwarden.cli import FAILED, USAGE
from graphwarden.local.board import make_board
from graphwarden.local.folder import Folder, load_folder
from graphwarden.local.state import StateDirectoryBusy
from graphwarden.local.up import UpOptions, check_address, serve
from graphwarden.router.settings import is_loopback
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
    if not _is_address_free(options.host, options.port):
        return USAGE
    logs.configure("text", "WARNING")
    try:
        with options.state.claim():
            return _serve(options, folder)
    except StateDirectoryBusy as error:
        click.echo(
            f"another `graphwarden up` uses {error}: stop it, or choose another --state-dir",
            err=True,
        )
        return USAGE
    except OSError as error:
        click.echo(f"the state directory cannot be used: {error}", err=True)
        return USAGE


def _serve(options: UpOptions, folder: Folder) -> int:
    board = make_board(Console())
    try:
        board.say(f"serving on http://{options.host}:{options.port}")
        board.say(f"the console: http://{options.host}:{options.port}/console/")
        board.say(f"logs and database in {options.state.root}; Ctrl-C to stop")
        return asyncio.run(serve(options, folder, board))
    except ExceptionGroup as group:
        of_the_machine, ours = group.split(OSError)
        if of_the_machine is None or ours is not None:
            raise
        click.echo(f"stopped, as the machine refused: {_find_first(of_the_machine)}", err=True)
        return FAILED
    finally:
        board.close()


def _find_first(error: BaseException) -> BaseException:
    return _find_first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def _is_address_free(host: str, port: int) -> bool:
    if not is_loopback(host) and not os.environ.get("GRAPHWARDEN_AUTH"):
        click.echo(
            f"{host} can be reached by others: set GRAPHWARDEN_AUTH=keys and GRAPHWARDEN_KEYS=DIR "
            "(see `graphwarden key --help`), or GRAPHWARDEN_AUTH=none to let everybody in",
            err=True,
        )
        return False
    try:
        check_address(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            words = "is in use: stop the other server, or choose another one with --port"
        else:
            words = f"cannot be served: {error.strerror or error}"
        click.echo(f"port {port} on {host} {words}", err=True)
        return False
    return True
