"""Follow the registry file: a plain file that is renamed over, or a ConfigMap's symlink."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from graphwarden.api.registry import Registry

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.15

Fingerprint = tuple[str, int, int, int]


class RegistryFile:
    """The last good registry of a file, and what is wrong with the file now, if anything.

    The file is looked at several times a second instead of being watched by inotify: a ConfigMap
    volume swaps a symlink two levels up, and one `stat` a look costs nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Fingerprint | None = None
        self.problem: str | None = None

    def read_if_changed(self) -> Registry | None:
        """The registry when the file changed since the last look and can be read, else None."""
        try:
            fingerprint = _fingerprint(self._path)
            if fingerprint == self._seen:
                return None
            self._seen = fingerprint
            registry = Registry.model_validate_json(self._path.read_bytes())
        except OSError as error:
            self._seen = None
            self._report(f"cannot read the registry {self._path}: {error.strerror}")
            return None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            self._report(f"the registry is not valid at {where}: {first['msg']}")
            return None
        self.problem = None
        return registry

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            logger.error("registry not usable, keeping the last good rows: %s", problem)
        self.problem = problem


async def follow_registry(file: RegistryFile, apply: Callable[[Registry], None]) -> None:
    """Call `apply` with every registry that the file comes to hold. Runs until cancelled."""
    while True:
        registry = file.read_if_changed()
        if registry is not None:
            apply(registry)
        await asyncio.sleep(POLL_SECONDS)


def _fingerprint(path: Path) -> Fingerprint:
    resolved = path.resolve(strict=True)
    status = resolved.stat()
    return (str(resolved), status.st_ino, status.st_mtime_ns, status.st_size)
