"""The state directory: registries, the route table, the database, logs, and who is using it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


class StateDirectoryBusy(Exception):
    """Another `graphwarden up` uses the directory."""


class StateDirectory:
    """A folder that one `graphwarden up` owns while it runs."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def table(self) -> Path:
        """The route table that the router reads."""
        return self.root / "table.json"

    @property
    def database_url(self) -> str:
        """The SQLite database of threads and checkpoints."""
        return f"sqlite+aiosqlite:///{self.root / 'state.db'}"

    def registry(self, pool: str) -> Path:
        """The registry document of a pool."""
        return self.root / "registries" / f"{pool}.json"

    @property
    def logs(self) -> Path:
        """The folder of the programs' output."""
        return self.root / "logs"

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self.logs / f"{name}.log"

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Make the directory and own it until the block ends, or this process does.

        Raises:
            StateDirectoryBusy: another process owns it.
            OSError: it cannot be made.
        """
        for folder in (self.root, self.root / "registries", self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / ".gitignore").write_text("*\n")
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateDirectoryBusy(str(self.root)) from error
            yield


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
