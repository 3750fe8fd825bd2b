"""Input of the commands: JSON from the command line, a file or a pipe, and folders to check."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from graphwarden.cli import FAILED, OK
from graphwarden.local.folder import load_folder


def read_json(text: str | None, option: str) -> Any:
    """The value of an option that is JSON, a file's name, or `-`; None when it is not given.

    Raises:
        click.UsageError: it is neither.
    """
    if text is None:
        return None
    source = option
    if text == "-":
        text, source = sys.stdin.read(), "standard input"
    elif not text.lstrip().startswith(("{", "[", '"')) and Path(text).is_file():
        source = text
        try:
            text = Path(text).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{source} cannot be read: {error}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = "" if source != option else "; to name a file, check that it exists"
        raise click.UsageError(f"{source}: not valid JSON at {where}: {error.msg}{hint}") from error


def validate_folder(directory: Path, output: str) -> int:
    """Print every problem of a folder, or what it holds; the exit code."""
    folder = load_folder(directory)
    problems = folder.problems()
    if not problems and not folder.graphs:
        click.echo(f"{directory} holds no GraphSpec", err=True)
        return FAILED
    if output == "json":
        document = {
            "graphs": sorted(graph.spec.assistant_id for graph in folder.graphs),
            "problems": [dataclasses.asdict(problem) for problem in problems],
        }
        click.echo(json.dumps(document, indent=2))
    elif problems:
        for problem in problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(problems)} problem{'s' * (len(problems) > 1)}", err=True)
    else:
        pools = len(folder.fleet.pools)
        click.echo(f"{len(folder.graphs)} graphs in {pools} pool{'s' * (pools != 1)}: all valid")
    return FAILED if problems else OK
