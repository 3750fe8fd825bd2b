"""Input of the commands: JSON from the command line, a file or a pipe, and folders to check."""

from __future__ import annotations

import dataclasses
import errno
import json
import sys
from pathlib import Path
from typing import Any

import click

from graphwarden.cli import FAILED, OK
from graphwarden.local.folder import load_folder

_PATH_LENGTH_LIMIT = 4096  # PATH_MAX of Linux


def read_json(text: str | None, option: str) -> Any:
    """The value of an option that is JSON, a file's name, or `-`; None when it is not given.

    Raises:
        click.UsageError: it is neither.
    """
    if text is None:
        return None
    source, text = _find_text(text, option)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = "" if source != option else "; to name a file, check that it exists"
        raise click.UsageError(f"{source}: not valid JSON at {where}: {error.msg}{hint}") from error
    except RecursionError as error:
        raise click.UsageError(f"{source}: the JSON is nested too deeply") from error


def _find_text(text: str, option: str) -> tuple[str, str]:
    """Where the JSON stands, and the JSON."""
    source = option
    try:
        if text == "-":
            source = "standard input"
            return source, sys.stdin.buffer.read().decode()
        if len(text) < _PATH_LENGTH_LIMIT and Path(text).is_file():
            source = text
            return source, Path(text).read_bytes().decode()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # then it is no file's name
            raise click.UsageError(f"{source} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{source} cannot be read: it is not UTF-8") from error
    return option, text


def validate_folder(directory: Path, output: str) -> int:
    """Print every problem and warning of a folder, or what it holds; the exit code.

    Warnings alone leave the exit code at 0.
    """
    folder = load_folder(directory)
    problems, warnings = folder.problems(), folder.warnings(Path())
    if output == "json":
        document = {
            "graphs": sorted(graph.spec.assistant_id for graph in folder.graphs),
            "problems": [dataclasses.asdict(problem) for problem in problems],
            "warnings": [dataclasses.asdict(warning) for warning in warnings],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
    if not problems and not folder.graphs:
        click.echo(f"{directory} holds no GraphSpec", err=True)
        return FAILED
    if output == "table":
        _print_verdict(len(problems), len(folder.graphs), len(folder.fleet.pools))
    return FAILED if problems else OK


def _print_verdict(problems: int, graphs: int, pools: int) -> None:
    if problems:
        click.echo(_count(problems, "problem"), err=True)
    else:
        click.echo(f"{_count(graphs, 'graph')} in {_count(pools, 'pool')}: all valid")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
