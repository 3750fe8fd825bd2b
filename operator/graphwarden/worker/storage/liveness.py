"""Whether a worker lives, told by a lock that dies with it.

On PostgreSQL it is a session's advisory lock, which the server frees when the connection breaks; on
SQLite a byte of a lock file, which the kernel frees when the process ends. Neither has to wait for
a lease to run out.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import logging
import os
from abc import ABC, abstractmethod
from pathlib import Path

import psycopg

logger = logging.getLogger(__name__)

_KEEPALIVE_SECONDS = 2.0
_RECONNECT_SECONDS = 0.2


class Liveness(ABC):
    """This worker's sign of life, and a look at those of others."""

    @abstractmethod
    async def hold(self, worker_id: str) -> None:
        """Show that this worker lives, until `close` or the end of the process."""

    @abstractmethod
    async def lives(self, worker_id: str) -> bool:
        """Whether that worker's lock is held."""

    @abstractmethod
    async def close(self) -> None:
        """Let go."""


class FileLiveness(Liveness):
    """One byte per worker of a file beside the database.

    POSIX record locks belong to the process, not to the file descriptor: a child that a node
    forks does not inherit them, so it cannot keep a dead worker's threads. They go when any
    descriptor of the file is closed, hence one descriptor for all.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held: set[int] = set()

    async def hold(self, worker_id: str) -> None:
        """Take the byte; nobody else has this worker's id."""
        await self.wait_for(worker_id)

    async def wait_for(self, name: str) -> None:
        """Take the byte of a name as soon as it is free."""
        while not self._try(_offset(name)):  # noqa: ASYNC110 - another process frees it
            await asyncio.sleep(0.05)
        self._held.add(_offset(name))

    def give_back(self, name: str) -> None:
        """Free the byte of a name."""
        self._held.discard(_offset(name))
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _offset(name))

    async def lives(self, worker_id: str) -> bool:
        """Try the byte, and free it again at once."""
        offset = _offset(worker_id)
        if offset in self._held:
            return True
        if not self._try(offset):
            return True
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, offset)
        return False

    async def close(self) -> None:
        """Close the file; the kernel frees what is held."""
        os.close(self._descriptor)

    def _try(self, offset: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True


class SessionLiveness(Liveness):
    """An advisory lock on a connection of its own, taken again when the connection breaks."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection | None = None
        self._worker_id: str | None = None
        self._keepalive: asyncio.Task[None] | None = None

    async def hold(self, worker_id: str) -> None:
        """Take the lock, and keep it through broken connections."""
        self._worker_id = worker_id
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        await self._ask("SELECT 1")
        if self._keepalive is None:
            self._keepalive = asyncio.create_task(self._keep_alive())

    async def lives(self, worker_id: str) -> bool:
        """Try the lock for the length of one statement."""
        if worker_id == self._worker_id:
            return True
        key = _key(worker_id)
        return not await self._ask("SELECT pg_try_advisory_xact_lock(%s)", key)

    async def close(self) -> None:
        """Close the connection; the server frees what is held."""
        if self._keepalive is not None:
            self._keepalive.cancel()
        if self._connection is not None:
            await self._connection.close()

    async def _ask(self, statement: str, *parameters: int) -> bool:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await self._connect()
            try:
                cursor = await self._connection.execute(statement.encode(), parameters)
                row = await cursor.fetchone()
            except psycopg.OperationalError:
                connection, self._connection = self._connection, None
                await connection.close()
                raise
            return row is not None and bool(row[0])

    async def _connect(self) -> psycopg.AsyncConnection:
        connection = await connect(self._dsn)
        if self._worker_id is not None:
            try:
                await connection.execute(
                    "SELECT pg_advisory_lock(%s)", (_key(self._worker_id),), prepare=False
                )
            except BaseException:
                await connection.close()
                raise
        return connection

    async def _keep_alive(self) -> None:
        pause = _KEEPALIVE_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                await self._ask("SELECT 1")
                pause = _KEEPALIVE_SECONDS
            except (psycopg.Error, OSError) as error:
                logger.error("sign of life lost, taking it up again: %s", error)
                pause = _RECONNECT_SECONDS


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
    """A signed 64-bit number for a name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _offset(name: str) -> int:
    """A place in a lock file for a name."""
    return _key(name) & 0x3FFF_FFFF_FFFF_FFFF
