"""The programs' logs, told as they are written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.2


class LogTail:
    """What is added to the logs of a folder, whole lines only, from the moment it is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = {path: path.stat().st_size for path in folder.glob("*.log")}

    def read_lines(self) -> list[tuple[str, str]]:
        """The new lines, each with the name of its log."""
        return [
            (path.stem, line)
            for path in sorted(self._folder.glob("*.log"))
            for line in self._read_new(path)
        ]

    async def follow(self, say: Callable[[str], None]) -> None:
        """Tell each line as `name | line` until cancelled."""
        while True:
            for name, line in await asyncio.to_thread(self.read_lines):
                say(f"{name} | {line}")
            await asyncio.sleep(_POLL_SECONDS)

    def _read_new(self, path: Path) -> list[str]:
        with path.open("rb") as log:
            log.seek(self._read.get(path, 0))
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        return whole.decode(errors="replace").splitlines()
