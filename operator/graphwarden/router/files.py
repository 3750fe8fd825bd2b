"""The table from a file that somebody else replaces."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from graphwarden.api.table import RouteTable
from graphwarden.router.table import Table, make_table

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1


def read_table(path: Path) -> Table:
    """The table in a file.

    Raises:
        OSError: it cannot be read.
        ValidationError: it is no route table.
    """
    return make_table(RouteTable.model_validate_json(path.read_bytes()))


async def follow_file(path: Path, swap: Callable[[Table], None]) -> None:
    """Read the file, and again whenever it is another one. A broken one changes nothing."""
    seen: tuple[int, int, int] | None = None
    while True:
        try:
            status = os.stat(path)
            now = (status.st_ino, status.st_mtime_ns, status.st_size)
            if now != seen:
                seen = now
                swap(read_table(path))
        except FileNotFoundError:
            seen = None
        except (OSError, ValidationError) as error:
            log.error("table %s is not usable, the last good one stays: %s", path, error)
        await asyncio.sleep(_POLL_SECONDS)
