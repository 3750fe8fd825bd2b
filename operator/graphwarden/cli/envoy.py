"""`graphwarden envoy`: the route table as files for Envoy."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from graphwarden.cli import FAILED, OK
from graphwarden.twin.files import follow_file, render_file
from graphwarden.twin.render import Place


def run_envoy(table: Path, place: Place, *, follow: bool) -> int:
    """Write the configuration, and stay when it is to follow the table; an exit code."""
    try:
        if follow:
            follow_file(table, place, _tell)
        else:
            _tell(render_file(table, place))
    except KeyboardInterrupt:
        return OK
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}", err=True)
        return FAILED
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        click.echo(f"{table} is no route table: {where or 'it'}: {first['msg']}", err=True)
        return FAILED
    return OK


def _tell(changed: list[str]) -> None:
    for name in changed:
        click.echo(f"wrote {name}")
