"""Where a list is: a file below the folder that a setting names, and no other.

`csv_ref` is written by whoever calls the graph, and the file is read with the rights of the pool:
see docs/decisions/20261130-csv-references.md.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from graphs.sales.lists.sheets import MOST_BYTES

FOLDER = "SALES_LISTS_DIR"


class InvalidReference(ValueError):
    """There is no list there, or it must not be read; the text says what to do."""


async def read_reference(reference: str, environment: Mapping[str, str] = os.environ) -> bytes:
    """The bytes of a list, `leads/spring.csv` of the folder.

    One byte more than a list may have is read of a larger one, so that it is refused as such.

    Raises:
        InvalidReference: with what to do.
    """
    if re.match(r"[a-z][a-z0-9+.-]*:", reference, re.IGNORECASE):
        raise InvalidReference(f"csv_ref is a file of {FOLDER}, such as leads/spring.csv.")
    folder = environment.get(FOLDER)
    if not folder:
        raise InvalidReference(
            f"csv_ref needs {FOLDER}, the folder of this pool's lists; set it, or send rows."
        )
    return await asyncio.to_thread(_read_below, Path(folder), reference)


def _read_below(folder: Path, reference: str) -> bytes:
    """Links are followed as far as they stay below the folder."""
    try:
        root = folder.resolve(strict=True)
        path = (root / reference).resolve(strict=True)
        if not path.is_relative_to(root):
            raise InvalidReference(f"{reference} is not below {FOLDER}.")
        # Not the path as it was written: what it leads to was judged, and is opened. A pipe that
        # nobody writes to would hold the run.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidReference):
            raise
        raise InvalidReference(f"No list {reference} is in {FOLDER}.") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InvalidReference(f"{reference} is no file.")
    with os.fdopen(handle, "rb") as file:
        return file.read(MOST_BYTES + 1)
