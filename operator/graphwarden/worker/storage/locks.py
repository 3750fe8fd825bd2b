"""Who owns a thread: at most one run of the whole fleet at a time.

Ownership dies with the worker. On PostgreSQL it is a session's advisory lock, which the server
frees when the connection breaks; on SQLite it is a byte of a lock file, which the kernel frees when
the process ends. Neither needs a lease that has to run out first.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

logger = logging.getLogger(__name__)

_POLL_FIRST_SECONDS = 0.02
_POLL_LONGEST_SECONDS = 0.5
_KEEPALIVE_SECONDS = 2.0


class Ownership:
    """A thread that is ours until `release`."""

    def __init__(self, locks: ThreadLocks, name: str) -> None:
        self._locks = locks
        self._name = name

    async def release(self) -> None:
        """Let the next run have the thread."""
        await self._locks.release(self._name)


class ThreadLocks(ABC):
    """Ownership of threads, inside this process and among all processes on one database."""

    def __init__(self) -> None:
        self._local: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    async def try_acquire(self, name: str) -> Ownership | None:
        """The thread if nobody has it, else None at once."""
        if self._users.get(name):
            return None
        async with self._local_turn(name):
            if await self._claim(_key(name)):
                return Ownership(self, name)
            self._leave(name)
            return None

    async def acquire(self, name: str) -> Ownership:
        """The thread, as soon as those before us are done. First come, first served in here."""
        async with self._local_turn(name):
            pause = _POLL_FIRST_SECONDS
            while not await self._claim(_key(name)):
                await asyncio.sleep(pause)
                pause = min(pause * 2, _POLL_LONGEST_SECONDS)
            return Ownership(self, name)

    async def release(self, name: str) -> None:
        """Give a thread back. Its waiters in this process come before other processes' polls."""
        try:
            await self._unclaim(_key(name))
        finally:
            self._leave(name)

    @asynccontextmanager
    async def _local_turn(self, name: str) -> AsyncIterator[None]:
        """Wait for our turn in this process and keep it, unless the block fails."""
        lock = self._local.setdefault(name, asyncio.Lock())
        self._users[name] = self._users.get(name, 0) + 1
        try:
            await lock.acquire()
        except BaseException:
            self._forget(name)
            raise
        try:
            yield
        except BaseException:
            self._leave(name)
            raise

    def _leave(self, name: str) -> None:
        self._local[name].release()
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._users[name] -= 1
        if not self._users[name]:
            del self._users[name], self._local[name]

    @abstractmethod
    async def _claim(self, key: int) -> bool:
        """Take the key among processes; False when another process has it."""

    @abstractmethod
    async def _unclaim(self, key: int) -> None:
        """Give the key back."""

    @abstractmethod
    async def close(self) -> None:
        """Give everything back."""


class FileLocks(ThreadLocks):
    """One byte per thread of a file beside the database.

    POSIX record locks belong to the process, not to the file descriptor: a child that a node
    forks does not inherit them, so it cannot keep a dead worker's threads.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    async def _claim(self, key: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(key))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True

    async def _unclaim(self, key: int) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _offset(key))

    async def close(self) -> None:
        """Close the file; the kernel frees what is still held."""
        os.close(self._descriptor)


class AdvisoryLocks(ThreadLocks):
    """PostgreSQL advisory locks, all on one connection of this worker.

    When that connection breaks, the server frees them all, and `on_lost` is told each name: the
    runs on these threads have to stop before another worker's writes meet theirs.
    """

    def __init__(self, dsn: str, on_lost: Callable[[str], None]) -> None:
        super().__init__()
        self._dsn = dsn
        self._on_lost = on_lost
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._held: set[int] = set()
        self._keepalive = asyncio.create_task(self._keep_alive())

    async def _claim(self, key: int) -> bool:
        claimed = await self._ask("SELECT pg_try_advisory_lock(%s)", key)
        if claimed:
            self._held.add(key)
        return claimed

    async def _unclaim(self, key: int) -> None:
        if key in self._held:
            self._held.discard(key)
            # On a broken connection there is nothing left to give back.
            with contextlib.suppress(psycopg.OperationalError):
                await self._ask("SELECT pg_advisory_unlock(%s)", key)

    async def close(self) -> None:
        """Close the connection; the server frees what is still held."""
        self._keepalive.cancel()
        if self._connection is not None:
            await self._connection.close()

    async def _ask(self, statement: str, *parameters: int) -> bool:
        async with self._turn:
            if self._connection is None:
                self._connection = await connect(self._dsn)
            try:
                cursor = await self._connection.execute(statement.encode(), parameters)
                row = await cursor.fetchone()
            except psycopg.OperationalError:
                await self._lose(self._connection)
                raise
            return row is not None and bool(row[0])

    async def _lose(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = None
        await connection.close()
        lost, self._held = self._held, set()
        for name in list(self._users):
            if _key(name) in lost:
                self._on_lost(name)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_KEEPALIVE_SECONDS)
            if self._connection is not None:
                try:
                    await self._ask("SELECT 1")
                except psycopg.OperationalError as error:
                    logger.error("lock connection lost: %s", error)


async def connect(dsn: str) -> psycopg.AsyncConnection:
    """A connection whose end is noticed within seconds on both sides, even if the network dies."""
    return await psycopg.AsyncConnection.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        options="-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
    )


def _key(name: str) -> int:
    digest = hashlib.sha256(f"graphwarden:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _offset(key: int) -> int:
    return key & (2**62 - 1)
