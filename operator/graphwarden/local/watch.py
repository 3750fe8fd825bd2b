"""Which files of the user are followed, and what their changes are told as."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch
from watchfiles.main import FileChange

MANIFEST_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
CODE_SUFFIXES = frozenset({".py", ".md", ".j2", ".txt", ".toml"})
_RETURN_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Touched:
    """One batch of changes: whether manifests may be among them, and the code by its age."""

    manifests: bool
    changed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()


def choose_roots(
    directory: Path, app_dir: Path, modules: Iterable[str], more: Iterable[Path] = ()
) -> set[Path]:
    """The folders that are followed with all below them; none lies in another.

    The manifests; and of the app folder its packages and what the graphs are imported from. The
    app folder as a whole may be somebody's home.
    """
    firsts = {module.partition(".")[0] for module in modules}
    folders = {path for path in app_dir.iterdir() if path.is_dir()}
    packages = {p for p in folders if p.name in firsts or (p / "__init__.py").is_file()}
    roots = {path.resolve() for path in (directory, *packages, *more)}
    return {path for path in roots if not any(other in path.parents for other in roots)}


def find_code(roots: Iterable[Path]) -> frozenset[str]:
    """The files whose content a worker may have read already."""
    return frozenset(
        str(path)
        for root in roots
        for path in root.rglob("*")
        if path.suffix in CODE_SUFFIXES and "__pycache__" not in path.parts
    )


def sort_changes(paths: Iterable[str], known: frozenset[str]) -> Touched:
    """What a batch of paths is to a fleet that may have read the known files."""
    touched = frozenset(paths)
    # Of a new folder, the files that came with it are not always told.
    manifests = any(
        Path(path).suffix in MANIFEST_SUFFIXES or not Path(path).suffix for path in touched
    )
    return Touched(manifests, touched & known, touched - known)


class _CannotWatch(Exception):
    """The system does not tell of changes."""


class Watcher:
    """Follows the user's files.

    Args:
        directory: the manifests.
        app_dir: what graphs are imported from.
        state_root: our own files, which are left out.
        find_modules: the graphs' modules of this moment.
        more: further folders.
    """

    def __init__(
        self,
        directory: Path,
        app_dir: Path,
        state_root: Path,
        find_modules: Callable[[], Iterable[str]],
        more: Iterable[Path] = (),
    ) -> None:
        self._directory = directory.resolve()
        self._app_dir = app_dir.resolve()
        self._find_modules = find_modules
        self._more = tuple(more)
        self._filter = _Filter(state_root)

    async def run(
        self, handle: Callable[[Touched], Awaitable[None]], say: Callable[[str], None]
    ) -> None:
        """Call `handle` for each batch of changes, one at a time, until cancelled."""
        one_at_a_time = asyncio.Lock()

        async def handle_alone(touched: Touched) -> None:
            async with one_at_a_time:
                await handle(touched)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_folders(handle_alone))
                if self._app_dir not in self._choose_roots():
                    tasks.create_task(self._follow_top(handle_alone))
        except* _CannotWatch as errors:
            say(f"changes of files are no longer followed: {errors.exceptions[0]}")

    async def _follow_folders(self, handle: Callable[[Touched], Awaitable[None]]) -> None:
        while True:
            roots = await asyncio.to_thread(self._choose_roots)
            known = await asyncio.to_thread(find_code, roots)
            lost = False
            async for changes in self._watch(*roots):
                await handle(sort_changes((path for _, path in changes), known))
                # A folder that returns is another one, and is not followed any more.
                lost = any(kind == Change.deleted and Path(path) in roots for kind, path in changes)
                if lost or await asyncio.to_thread(self._choose_roots) != roots:
                    break
                known = await asyncio.to_thread(find_code, roots)
            while not self._directory.is_dir():  # noqa: ASYNC110 - a missing folder has no events
                await asyncio.sleep(_RETURN_POLL_SECONDS)
            if lost:
                await handle(Touched(manifests=True, changed=known))

    async def _follow_top(self, handle: Callable[[Touched], Awaitable[None]]) -> None:
        """The modules that stand in the app folder itself."""
        known = self._find_top()
        async for changes in self._watch(self._app_dir, recursive=False):
            touched = {path for _, path in changes if path.endswith(".py")}
            if touched:
                await handle(sort_changes(touched, known))
            known = self._find_top()

    async def _watch(self, *roots: Path, recursive: bool = True) -> AsyncIterator[set[FileChange]]:
        try:
            async for changes in awatch(*roots, watch_filter=self._filter, recursive=recursive):
                yield changes
        except OSError as error:  # Linux limits how many folders a user may watch
            raise _CannotWatch(str(error)) from error

    def _find_top(self) -> frozenset[str]:
        return frozenset(str(path) for path in self._app_dir.glob("*.py"))

    def _choose_roots(self) -> set[Path]:
        modules = self._find_modules()
        roots = choose_roots(self._directory, self._app_dir, modules, self._more)
        return {path for path in roots if path.exists()}


class _Filter(DefaultFilter):
    """Manifests, code, prompts and new folders; not the state directory, caches or hidden ones."""

    def __init__(self, state_root: Path) -> None:
        super().__init__(ignore_paths=[state_root])

    def __call__(self, change: Change, path: str) -> bool:
        """Whether the change is told."""
        wanted = Path(path).suffix in MANIFEST_SUFFIXES | CODE_SUFFIXES
        folder = change == Change.deleted or os.path.isdir(path)
        return super().__call__(change, path) and (wanted or folder)
