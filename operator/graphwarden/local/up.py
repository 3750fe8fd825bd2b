"""`graphwarden up`: run a folder's fleet on this machine until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from watchfiles import Change, DefaultFilter, awatch

from graphwarden.api.fleet import Pool
from graphwarden.local.board import Board
from graphwarden.local.changes import make_backoff_seconds, needs_new_processes, plan_changes
from graphwarden.local.folder import Folder, load_folder
from graphwarden.local.pool import PoolRunner, WorkerOptions
from graphwarden.local.process import kill_program, read_tail, start_program, stop_program
from graphwarden.local.routes import PoolState, make_lines, make_table
from graphwarden.local.state import StateDirectory, write_atomically

log = logging.getLogger(__name__)

_MANIFESTS = {".yaml", ".yml", ".json"}
_CODE = {".py", ".md", ".j2", ".txt", ".toml"}


@dataclass(frozen=True)
class UpOptions:
    """What the user asked for."""

    directory: Path
    state: StateDirectory
    app_dir: Path
    host: str
    port: int
    database_url: str
    drain_seconds: float
    watch: tuple[Path, ...] = ()


class Fleet:
    """The running pools, the router in front, and what is told of them."""

    def __init__(self, options: UpOptions, folder: Folder, board: Board) -> None:
        self._options = options
        self._folder = folder
        self._board = board
        self._pools: dict[str, PoolRunner] = {}
        self._client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=64))
        self._changed = asyncio.Event()
        self._code_changed = asyncio.Event()
        self._generation = 0
        self._table = ""
        self._router: Process | None = None

    async def run(self) -> None:
        """Start everything, and keep it running until cancelled; then drain."""
        for name, pool in self._wanted().items():
            self._start_pool(name, pool)
        self._write_table()
        # A run that was accepted is seen through: first the router lets go, then the workers.
        async with self._client:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._keep_router())
                    tasks.create_task(self._tell())
                    tasks.create_task(self._follow_files())
                    tasks.create_task(self._follow_code())
            finally:
                await asyncio.gather(*(runner.stop() for runner in self._pools.values()))

    def kill(self) -> None:
        """End the router and every worker at once."""
        if self._router is not None:
            kill_program(self._router)
        for runner in self._pools.values():
            runner.kill()

    def _wanted(self) -> dict[str, Pool]:
        names = self._folder.pool_names()
        return {names[key]: pool for key, pool in self._folder.fleet.pools.items()}

    def _start_pool(self, name: str, pool: Pool) -> None:
        options = self._options
        worker = WorkerOptions(
            options.state, options.app_dir, options.database_url, options.drain_seconds
        )
        runner = PoolRunner(name, pool, worker, self._client, self._changed.set)
        self._pools[name] = runner
        runner.start()

    async def _keep_router(self) -> None:
        options, failures = self._options, 0
        log_file = options.state.log("router")
        arguments = [
            f"--table={options.state.table}",
            f"--host={options.host}",
            f"--port={options.port}",
            "--log-format=text",
        ]
        while True:
            process = await start_program("graphwarden.router", arguments, log_file)
            self._router = process
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await stop_program(process, options.drain_seconds)
                raise
            finally:
                kill_program(process)
            failures += 1
            self._board.say(f"the router ended with code {code}:\n{read_tail(log_file)}")
            await asyncio.sleep(make_backoff_seconds(failures - 1))

    async def _tell(self) -> None:
        while True:
            self._changed.clear()
            self._write_table()
            self._board.show(make_lines(self._folder, self._states()))
            await self._changed.wait()

    def _states(self) -> dict[str, PoolState]:
        return {
            name: PoolState(
                runner.pool,
                (runner.address,) if runner.address else (),
                runner.graphs,
                runner.last_error,
            )
            for name, runner in self._pools.items()
        }

    def _write_table(self) -> None:
        table = make_table(self._folder, self._states(), 0)
        text = table.model_dump_json(exclude={"generation"})
        if text != self._table:
            self._table = text
            self._generation += 1
            current = table.model_copy(update={"generation": self._generation})
            write_atomically(self._options.state.table, current.model_dump_json(indent=1))

    async def _follow_files(self) -> None:
        options = self._options
        roots = {path.resolve() for path in (options.directory, *options.watch)}
        known = await asyncio.to_thread(find_code, roots)
        async for changes in awatch(*roots, watch_filter=_Filter(options.state.root)):
            touched = {path for _, path in changes}
            # Of a new folder, the files that came with it are not always told.
            if any(Path(path).suffix in _MANIFESTS or not Path(path).suffix for path in touched):
                await self._reload()
            if needs_new_processes(touched & known, touched - known, self._has_failed()):
                self._code_changed.set()
            known = await asyncio.to_thread(find_code, roots)

    async def _follow_code(self) -> None:
        while True:
            await self._code_changed.wait()
            self._code_changed.clear()
            self._board.say("code changed: replacing the workers")
            await asyncio.gather(*(runner.replace() for runner in list(self._pools.values())))

    def _has_failed(self) -> bool:
        return any(line.state == "failed" for line in make_lines(self._folder, self._states()))

    async def _reload(self) -> None:
        folder = await asyncio.to_thread(load_folder, self._options.directory)
        if folder.manifests.errors:
            for problem in folder.problems():
                self._board.say(f"not reloaded: {problem}")
            return
        self._folder = folder
        wanted = self._wanted()
        running = {name: runner.pool for name, runner in self._pools.items()}
        changes = plan_changes(running, wanted)
        for name in changes.start:
            self._start_pool(name, wanted[name])
        leaving = [self._pools.pop(name) for name in changes.stop]
        for name in running.keys() & wanted.keys():
            self._pools[name].update(wanted[name])
        self._write_table()
        self._changed.set()
        await asyncio.gather(
            *(runner.stop() for runner in leaving),
            *(self._pools[name].replace() for name in changes.replace),
        )


def find_code(roots: set[Path]) -> set[str]:
    """The files whose content a worker may have read already."""
    return {
        str(path)
        for root in roots
        for path in root.rglob("*")
        if path.suffix in _CODE and "__pycache__" not in path.parts
    }


class _Filter(DefaultFilter):
    """Manifests, code, prompts and new folders; not the state directory, caches or hidden ones."""

    def __init__(self, state_root: Path) -> None:
        super().__init__(ignore_paths=[state_root])

    def __call__(self, change: Change, path: str) -> bool:
        wanted = Path(path).suffix in _MANIFESTS | _CODE
        return super().__call__(change, path) and (wanted or os.path.isdir(path))


def is_port_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


async def serve(options: UpOptions, folder: Folder, board: Board) -> int:
    """Run the fleet until SIGINT or SIGTERM; a second one ends it without draining.

    Returns:
        The exit code: 0 after a drain, 130 after the second signal.
    """
    fleet = Fleet(options, folder, board)
    task = asyncio.create_task(fleet.run())
    signals = 0

    def on_signal() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            board.say("stopping: runs in flight may finish; press Ctrl-C again to end them")
            task.cancel()
        else:
            fleet.kill()

    async with _signals(on_signal):
        with contextlib.suppress(asyncio.CancelledError):
            await task
    board.close()
    return 0 if signals == 1 else 130


@contextlib.asynccontextmanager
async def _signals(handler: object) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
