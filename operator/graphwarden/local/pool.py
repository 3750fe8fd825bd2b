"""One pool on this machine: a worker process that is started, watched, replaced and stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import httpx

from graphwarden.api.fleet import Pool
from graphwarden.local.changes import Backoff
from graphwarden.local.process import kill_program, read_tail
from graphwarden.local.state import write_atomically
from graphwarden.local.worker import Worker, WorkerOptions, end_all, start_worker

_LOAD_LIMIT_SECONDS = 60.0
_LOADING_POLL_SECONDS = 0.1
_SETTLED_POLL_SECONDS = 0.5
# The router reads its table ten times a second; a worker that leaves stays that long.
_TABLE_SECONDS = 0.5


class PoolRunner:
    """Keeps one worker of a pool running.

    One task starts, watches and replaces; `alive` holds every process that it started and that
    has not ended, so that whatever interrupts the task, `stop` and `kill` reach them all.

    Args:
        name: of the pool on this machine.
        on_change: called when what `address` or `graphs` give has changed.
        say: told what a person should know.
    """

    def __init__(
        self,
        name: str,
        pool: Pool,
        options: WorkerOptions,
        client: httpx.AsyncClient,
        on_change: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.name = name
        self.pool = pool
        self.worker: Worker | None = None
        self.last_error = ""
        self._alive: list[Worker] = []
        self._options = options
        self._client = client
        self._on_change = on_change
        self._say = say
        self._renewal = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._leaving: dict[asyncio.Task[None], Worker] = {}
        self._log = options.state.log(f"worker-{name}")

    @property
    def address(self) -> str | None:
        """`host:port` of the worker while it answers."""
        return self.worker.address if self.worker is not None and self.worker.answers else None

    @property
    def graphs(self) -> dict[str, dict[str, Any]]:
        """The load table by assistant id; empty while there is none."""
        table = self.worker.table if self.worker is not None else None
        return {g["assistant_id"]: g for g in (table or {}).get("graphs", [])}

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start the worker, and again whenever it ends."""
        self._write_registry()
        self._task = tasks.create_task(self._keep_running())

    def update(self, pool: Pool) -> None:
        """Give the worker new rows; it loads and drops graphs while it serves."""
        self.pool = pool
        self._write_registry()

    def replace(self) -> None:
        """Have a new process take the worker's place, as code that is imported stays imported."""
        self._renewal.set()

    async def stop(self) -> None:
        """Drain and end every process of the pool."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.worker = None
        leaving = list(self._leaving.values())
        staying = [worker for worker in self._alive if worker not in leaving]
        await asyncio.gather(end_all(staying, self._options.grace_seconds), *self._leaving)

    def kill(self) -> None:
        """End every process of the pool at once."""
        for worker in self._alive:
            kill_program(worker.process)

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            self._renewal.clear()
            started = loop.time()
            try:
                await self._serve(await self._start())
            except OSError as error:
                self._note_error(f"no worker could be started: {error}")
            self.worker = None
            self._on_change()
            wait_seconds = backoff.note_end(loop.time() - started)
            # What is wrong with the code may be mended before the wait is over.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._renewal.wait()

    async def _serve(self, worker: Worker) -> None:
        """Watch a worker, and those that take its place, until one ends by itself."""
        self.worker = worker
        while not worker.has_ended:
            if self._renewal.is_set():
                self._renewal.clear()
                self.worker = worker = await self._succeed(worker)
                self._on_change()
            if await worker.look(self._client):
                self._on_change()
            settled = worker.is_settled
            await asyncio.sleep(_SETTLED_POLL_SECONDS if settled else _LOADING_POLL_SECONDS)
        self._alive.remove(worker)
        self._note_end(worker)

    async def _succeed(self, old: Worker) -> Worker:
        """The worker to go on with: a new one once it has loaded, or the old one if it cannot."""
        try:
            new = await self._start()
        except OSError as error:
            self._say(f"{self.name}: the old worker goes on, as no other could start: {error}")
            return old
        await self._wait_until_settled(new, old)
        if new.has_ended:
            self._alive.remove(new)
            self._note_end(new)
            return old
        if not new.answers and not old.has_ended:
            self._say(
                f"{self.name}: the old worker goes on, as the new one did not answer within "
                f"{_LOAD_LIMIT_SECONDS:g} s; see {self._log}"
            )
            old, new = new, old
        task = asyncio.create_task(self._leave(old))
        self._leaving[task] = old
        task.add_done_callback(self._leaving.pop)
        return new

    async def _start(self) -> Worker:
        worker = await start_worker(self.name, self.pool, self._options, self._log)
        self._alive.append(worker)
        return worker

    async def _wait_until_settled(self, new: Worker, old: Worker) -> None:
        """Until the new worker has loaded or ended, or there is no old one to wait with."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOAD_LIMIT_SECONDS):
                while not (new.has_ended or new.is_settled or old.has_ended):
                    await new.look(self._client)
                    await asyncio.sleep(_LOADING_POLL_SECONDS)

    async def _leave(self, worker: Worker) -> None:
        await asyncio.sleep(_TABLE_SECONDS)
        await worker.end(self._options.grace_seconds)
        self._alive.remove(worker)

    def _note_end(self, worker: Worker) -> None:
        self._note_error(f"a worker ended with code {worker.process.returncode}; see {self._log}")

    def _note_error(self, text: str) -> None:
        self.last_error = text
        self._say("\n".join((f"{self.name}: {text}", *read_tail(self._log))))

    def _write_registry(self) -> None:
        write_atomically(self._options.state.registry(self.name), self.pool.registry.to_json())
