"""Threads that hold a SQLite connection each, for one hop per call."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_Job = Callable[[sqlite3.Connection], Callable[[], None]]


class ConnectionThreads:
    """A few threads on one queue of work, each with a connection of its own.

    Args:
        path: the database file.
        pragmas: statements that prepare a connection.
        count: how many threads.
        name: what they are called.
    """

    def __init__(self, path: Path, pragmas: Sequence[str], count: int, name: str) -> None:
        self._path = path
        self._pragmas = pragmas
        self._jobs: SimpleQueue[tuple[asyncio.AbstractEventLoop, _Job] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        self._is_closed = False
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do this on one of the connections. Once begun it is done, whoever still waits for it.

        Raises:
            sqlite3.OperationalError: the threads have ended.
        """
        if self._is_closed:
            raise sqlite3.OperationalError("the database is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_Result] = loop.create_future()

        def do(connection: sqlite3.Connection) -> Callable[[], None]:
            if done.cancelled():
                return lambda: None
            try:
                result = work(connection)
            except BaseException as error:
                # A name of an `except` block is gone after it.
                failure = error
                return lambda: None if done.done() else done.set_exception(failure)
            return lambda: None if done.done() else done.set_result(result)

        self._jobs.put((loop, do))
        return await done

    async def close(self) -> None:
        """Do what was asked for, then end."""
        self._is_closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.get()) is not None:
            loop, do = job
            try:
                if connection is None:
                    connection = self._connect()
            except sqlite3.Error as error:
                answer = do(_Unopened(error))  # type: ignore[arg-type]
            else:
                answer = do(connection)
            if not loop.is_closed():
                loop.call_soon_threadsafe(answer)
            # Nothing of the last job is kept alive while waiting for the next.
            del job, loop, do, answer
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=256)
        try:
            for pragma in self._pragmas:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


class _Unopened:
    """Stands for a connection that could not be opened: any use of it says why."""

    def __init__(self, error: sqlite3.Error) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error
