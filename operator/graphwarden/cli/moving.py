"""`graphwarden import` and `graphwarden export`: in from a LangGraph project, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import click
import yaml

from graphwarden.cli import FAILED

_FILE_SIZE_LIMIT = 1 << 20

force_option = click.option("--force", is_flag=True, help="Replace files that exist.")


@click.command("import")
@click.argument(
    "project",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("langgraph.json"),
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("graphs"),
    show_default=True,
    help="Folder for the manifests.",
)
@click.option(
    "--capability", default="default", show_default=True, help="The pool of all the graphs."
)
@click.option("--resumable", is_flag=True, help="Let the graphs keep threads, in a database.")
@force_option
def import_command(project: Path, out: Path, capability: str, resumable: bool, force: bool) -> None:
    """Write a GraphSpec for each graph of a LangGraph project.

    PROJECT is its langgraph.json. What has no counterpart is told on standard error.
    """
    from graphwarden.cli.langgraph_file import import_project

    found = import_project(
        _read_json(project),
        lambda path: _read_text(project.parent, path),
        capability=capability,
        resumable=resumable,
    )
    _tell_notes(found.notes)
    if found.mistakes:
        _fail(project, found.mistakes)
    files = {out / f"{name}.yaml": _render(body) for name, body in found.manifests.items()}
    _write(files, force=force)


@click.command("export")
@click.argument(
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("graphs"),
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("langgraph.json"),
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--app-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Folder that graphs are imported from.  [default: the current folder]",
)
@force_option
def export_command(directory: Path, out: Path, app_dir: Path, force: bool) -> None:
    """Write a langgraph.json for the GraphSpecs of DIRECTORY, for `langgraph dev`.

    What a langgraph.json cannot say is told on standard error. With --force, a file that exists
    gets other graphs and keeps its other settings.
    """
    from graphwarden.api.manifests import load_manifests
    from graphwarden.cli.langgraph_export import export_project

    manifests = load_manifests(directory)
    if manifests.errors:
        _fail(None, [str(error) for error in manifests.errors])
    if not manifests.graphs:
        _fail(directory, ["it holds no GraphSpec"])
    found = export_project(
        manifests.graphs, lambda path: _read_text(app_dir, path), _see_from(out.parent, app_dir)
    )
    _tell_notes(found.notes)
    if found.mistakes:
        _fail(directory, found.mistakes)
    document = {**found.document, **_read_settings(out)} if force else found.document
    _write({out: json.dumps(document, indent=2) + "\n"}, force=force)


def _read_settings(out: Path) -> dict[str, Any]:
    """What an existing langgraph.json says beside its graphs."""
    before = _read_json(out) if out.exists() else None
    if not isinstance(before, dict):
        return {}
    return {name: value for name, value in before.items() if name != "graphs"}


def _see_from(folder: Path, target: Path) -> str:
    """A folder as langgraph.json names it: relative, and with a dot at its start."""
    relative = Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        _fail(path, [f"not valid JSON at line {error.lineno}: {error.msg}"])
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        _fail(path, [f"cannot be read: {error}"])


def _read_text(folder: Path, path: PurePosixPath) -> str | None:
    """A file of the project; None when there is none that a person would have written."""
    file = folder / path
    try:
        if not file.is_file() or file.stat().st_size > _FILE_SIZE_LIMIT:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _render(manifest: Mapping[str, Any]) -> str:
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)


def _tell_notes(notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _fail(source: Path | None, mistakes: Sequence[str]) -> NoReturn:
    for mistake in mistakes:
        click.echo(f"{source}: {mistake}" if source else mistake, err=True)
    raise click.exceptions.Exit(FAILED)


def _write(files: Mapping[Path, str], *, force: bool) -> None:
    """Write all files, or none where one is in the way."""
    taken = [str(path) for path in files if path.exists()]
    if taken and not force:
        raise click.UsageError(f"{', '.join(taken)}: there already; --force replaces it")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            click.echo(f"wrote {path}")
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from error
