"""Connections to PostgreSQL that outlive a restart of the server."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from graphwarden.worker.storage.fence import StorageBroken

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

_ATTEMPTS: Final = 3
# Serialization failures and deadlocks: the same statement may pass the next time.
_TRANSIENT: Final = "40"
_Result = TypeVar("_Result")


def make_pool(dsn: str, size: int, application_name: str) -> Pool:
    """A pool that is not open yet."""
    return AsyncConnectionPool(
        dsn,
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=size,
        open=False,
        check=check_quiet,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            "row_factory": dict_row,
            "application_name": application_name,
        },
    )


async def check_quiet(connection: AsyncConnection[Any]) -> None:
    """Make sure that the server has not hung up, without a round trip.

    A server that goes away says so, which is waiting to be read. Only a connection that has
    something to say is asked.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)


async def use_connection(pool: Pool, work: Callable[[Connection], Awaitable[_Result]]) -> _Result:
    """Do this on a connection of the pool; again on another one if the connection breaks.

    Args:
        pool: where the connection comes from.
        work: what can be done twice.

    Raises:
        StorageBroken: the database is away or full.
    """
    attempt = 1
    while True:
        connection: Connection | None = None
        try:
            async with pool.connection() as connection:
                return await work(connection)
        except psycopg.OperationalError as error:
            broken = connection is not None and connection.broken
            transient = (error.sqlstate or "").startswith(_TRANSIENT)
            if attempt == _ATTEMPTS or not (broken or transient):
                text = " ".join(str(error).split())[:300]
                raise StorageBroken(f"{type(error).__name__}: {text}") from error
        await asyncio.sleep(0.05 * attempt)
        attempt += 1
