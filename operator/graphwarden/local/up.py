"""`graphwarden up`: run a folder's fleet on this machine until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from graphwarden.api.fleet import Pool
from graphwarden.local.board import Board
from graphwarden.local.changes import Backoff, needs_new_processes, plan_changes
from graphwarden.local.folder import Folder, load_folder
from graphwarden.local.pool import PoolRunner
from graphwarden.local.process import (
    EXIT_SECONDS,
    KEEP_TRACES,
    kill_program,
    read_tail,
    start_program,
    stop_program,
)
from graphwarden.local.routes import PoolState, make_lines, make_table
from graphwarden.local.state import StateDirectory, write_atomically
from graphwarden.local.tail import LogTail
from graphwarden.local.watch import Touched, Watcher
from graphwarden.local.worker import WorkerOptions


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
    verbose: bool = False


class Fleet:
    """The running pools, the router in front, and what is told of them."""

    def __init__(self, options: UpOptions, folder: Folder, board: Board) -> None:
        self._options = options
        self._folder = folder
        self._board = board
        self._pools: dict[str, PoolRunner] = {}
        self._leaving: dict[asyncio.Task[None], PoolRunner] = {}
        # Workers are on this machine: no proxy of the environment stands between.
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_keepalive_connections=64), trust_env=False
        )
        self._tasks = asyncio.TaskGroup()
        self._changed = asyncio.Event()
        self._generation = 0
        self._table = ""
        self._router: Process | None = None

    async def run(self) -> None:
        """Start everything, and keep it running until cancelled; then drain."""
        options = self._options
        watcher = Watcher(
            options.directory, options.app_dir, options.state.root, self._modules, options.watch
        )
        # A run that was accepted is seen through: first the router lets go, then the workers.
        async with self._client:
            try:
                async with self._tasks as tasks:
                    if options.verbose:
                        tasks.create_task(LogTail(options.state.logs).follow(self._board.say))
                    for name, pool in self._wanted().items():
                        self._start_pool(name, pool)
                    self._write_table()
                    tasks.create_task(self._keep_router())
                    tasks.create_task(self._tell())
                    tasks.create_task(watcher.run(self._follow, self._board.say))
            finally:
                stops = (runner.stop() for runner in self._pools.values())
                await asyncio.gather(*stops, *self._leaving)

    def kill(self) -> None:
        """End the router and every worker at once."""
        if self._router is not None:
            kill_program(self._router)
        for runner in (*self._pools.values(), *self._leaving.values()):
            runner.kill()

    def _modules(self) -> set[str]:
        return {graph.spec.module for graph in self._folder.graphs}

    def _wanted(self) -> dict[str, Pool]:
        names = self._folder.pool_names()
        return {names[key]: pool for key, pool in self._folder.fleet.pools.items()}

    def _start_pool(self, name: str, pool: Pool) -> None:
        options = self._options
        worker = WorkerOptions(
            options.state,
            options.app_dir,
            options.database_url,
            make_router_url(options.host, options.port),
            options.drain_seconds,
        )
        runner = PoolRunner(name, pool, worker, self._client, self._changed.set, self._board.say)
        self._pools[name] = runner
        runner.start(self._tasks)

    def _stop_pool(self, name: str) -> None:
        # Not one of the tasks that a signal cancels: a second SIGTERM would cut a drain short.
        runner = self._pools.pop(name)
        task = asyncio.create_task(runner.stop())
        self._leaving[task] = runner
        task.add_done_callback(self._leaving.pop)

    async def _keep_router(self) -> None:
        options, backoff, loop = self._options, Backoff(), asyncio.get_running_loop()
        log_file = options.state.log("router")
        arguments = [
            f"--table={options.state.table}",
            f"--host={options.host}",
            f"--port={options.port}",
            f"--drain-seconds={options.drain_seconds:g}",
            "--log-format=text",
            "--console",
        ]
        while True:
            started = loop.time()
            process = await start_program("graphwarden.router", arguments, log_file, KEEP_TRACES)
            self._router = process
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await stop_program(process, options.drain_seconds + EXIT_SECONDS)
                raise
            finally:
                kill_program(process)
            words = f"the router ended with code {code}; see {log_file}"
            self._board.say("\n".join((words, *read_tail(log_file))))
            await asyncio.sleep(backoff.note_end(loop.time() - started))

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

    async def _follow(self, touched: Touched) -> None:
        if touched.manifests:
            await self._reload()
        if needs_new_processes(touched.changed, touched.added, self._has_failed()):
            self._board.say("code changed: replacing the workers")
            for runner in self._pools.values():
                runner.replace()

    def _has_failed(self) -> bool:
        return any(line.state == "failed" for line in make_lines(self._folder, self._states()))

    async def _reload(self) -> None:
        directory = self._options.directory
        if not directory.is_dir():
            self._board.say(f"not reloaded: {directory} is gone; the fleet goes on without it")
            return
        folder = await asyncio.to_thread(load_folder, directory)
        if folder.manifests.errors:
            for problem in folder.problems():
                self._board.say(f"not reloaded: {problem}")
            return
        self._folder = folder
        self._apply(self._wanted())

    def _apply(self, wanted: dict[str, Pool]) -> None:
        running = {name: runner.pool for name, runner in self._pools.items()}
        changes = plan_changes(running, wanted)
        for name in changes.stop:
            self._stop_pool(name)
        for name in running.keys() & wanted.keys():
            self._pools[name].update(wanted[name])
        for name in changes.replace:
            self._pools[name].replace()
        for name in changes.start:
            self._start_pool(name, wanted[name])
        self._write_table()
        self._changed.set()


def make_router_url(host: str, port: int) -> str:
    """Where a worker on this machine finds the router; one that listens everywhere is here too."""
    here = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def check_address(host: str, port: int) -> None:
    """Make sure that a server could listen there now.

    Raises:
        OSError: it could not; EADDRINUSE when there is one already.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


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

    with _signals(on_signal), contextlib.suppress(asyncio.CancelledError):
        await task
    return 0 if signals == 1 else 130


@contextlib.contextmanager
def _signals(handler: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
