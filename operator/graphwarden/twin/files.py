"""The files of a configuration: each is replaced by renaming, and only when it is another one."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from graphwarden.api.table import RouteTable
from graphwarden.twin.render import Place, render
from graphwarden.twin.resources import Files

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1


def write_files(folder: Path, files: Files) -> list[str]:
    """Write what changed; its names. A reader never sees half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, body in files.items():
        path, text = folder / name, json.dumps(body, ensure_ascii=False) + "\n"
        if _differs(path, body):
            fresh = folder / f".{name}.new"
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
            changed.append(name)
    return changed


def _differs(path: Path, body: object) -> bool:
    """Whether a file says something else, whatever generation it says it in."""
    try:
        seen = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return True
    return bool(_drop_version(seen) != _drop_version(body))


def _drop_version(body: object) -> object:
    if isinstance(body, dict):
        return {key: value for key, value in body.items() if key != "version_info"}
    return body


def forget_pools(folder: Path, files: Files) -> None:
    """Remove the endpoints of pools that are gone."""
    for path in folder.glob("endpoints-*.json"):
        if path.name not in files:
            path.unlink()


def render_file(table: Path, place: Place) -> list[str]:
    """Render a table file; the names of what changed.

    Raises:
        OSError: a file cannot be read or written.
        ValidationError: it is no route table.
    """
    files = render(RouteTable.model_validate_json(table.read_bytes()), place)
    changed = write_files(Path(place.folder), files)
    forget_pools(Path(place.folder), files)
    return changed


def follow_file(table: Path, place: Place, told: Callable[[list[str]], None]) -> None:
    """Render a table file again whenever it is another one. A broken one changes nothing."""
    seen: tuple[int, int, int] | None = None
    while True:
        try:
            status = os.stat(table)
            now = (status.st_ino, status.st_mtime_ns, status.st_size)
            if now != seen:
                seen = now
                told(render_file(table, place))
        except FileNotFoundError:
            seen = None
        except (OSError, ValidationError) as error:
            log.error("table %s is not usable, the last good one stays: %s", table, error)
        time.sleep(_POLL_SECONDS)
