"""The pools of the running router: the table in force, and a bulkhead per pool."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from graphwarden.api.errors import Reason
from graphwarden.api.table import PoolRoute
from graphwarden.router.bulkhead import Bulkhead, Place, Ticket
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.table import Table

_THREAD_HINTS = 100_000


class Pools:
    """The table, swapped in one assignment, and the counts of every pool, which outlive it."""

    def __init__(self) -> None:
        self.table: Table | None = None
        self._bulkheads: dict[str, Bulkhead] = {}
        self._hints: OrderedDict[str, str] = OrderedDict()

    @property
    def current(self) -> Table:
        """The table in force; an empty one before the first."""
        return self.table or Table()

    def swap(self, table: Table) -> None:
        """Put another table in force."""
        self.table = table
        for name in self._bulkheads.keys() | table.pools.keys():
            self._resize(name)

    def counts(self) -> Iterator[tuple[str, Bulkhead]]:
        """Every pool that has been used or is in the table."""
        for name in sorted(self.current.pools.keys() | self._bulkheads.keys()):
            yield name, self._bulkhead(name)

    def remember(self, thread: str, pool: str) -> None:
        """A thread was last seen in that pool; the oldest hints are forgotten first."""
        self._hints[thread] = pool
        self._hints.move_to_end(thread)
        if len(self._hints) > _THREAD_HINTS:
            self._hints.popitem(last=False)

    def find_pool_of_thread(self, thread: str) -> str | None:
        """The pool that saw the thread last, or any with storage, which sends us on from there."""
        hint = self._hints.get(thread)
        if hint in self.current.storage_pools:
            return hint
        return next(iter(self.current.storage_pools), None)

    def find_bulkhead(self, name: str) -> Bulkhead | None:
        """The counts of a pool that has been used or is in the table."""
        return self._bulkheads.get(name)

    @asynccontextmanager
    async def place(
        self,
        name: str,
        *,
        assistant: str = "",
        size: int = 0,
        held: bool = True,
        adopted: Bulkhead | None = None,
    ) -> AsyncIterator[None]:
        """A place in flight in the pool, for as long as the block lasts.

        Args:
            name: the pool.
            assistant: whose call it is; those of one pool take turns.
            size: bytes that wait with the call.
            held: False for a call that is no run: it takes a place only to wake a pool that has
                no worker, and gives it back before the block.
            adopted: where the call has its place already, and gives it back after the block.

        Raises:
            RouterError: 429 when the queue is full or too slow, 503 when no worker came up.
        """
        if adopted is not None:
            try:
                yield
            finally:
                adopted.in_flight -= 1
                adopted.move_up()
            return
        if name not in self.current.pools:
            raise _gone(name)
        if not held and self.current.pools[name].endpoints:
            yield
            return
        bulkhead = self._bulkhead(name)
        admitted = asyncio.get_running_loop().create_future()

        def settle(shed: RouterError | None = None) -> None:
            if not admitted.done():
                admitted.set_result(shed)

        route = self.current.assistants.get(assistant)
        ticket = Ticket(
            settle,
            assistant,
            route.priority if route is not None else 0,
            size,
            on_shed=lambda: settle(_shed(name, assistant)),
        )
        if not bulkhead.enter(ticket):
            raise _full(name, bulkhead)
        try:
            if ticket.place is Place.QUEUED:
                await self._wait(name, admitted)
            if not held:
                bulkhead.leave(ticket)
            yield
        finally:
            bulkhead.leave(ticket)

    async def _wait(self, name: str, admitted: asyncio.Future[RouterError | None]) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while True:
            pool = self.current.pools.get(name)
            if pool is None:
                raise _gone(name)
            cold = not pool.endpoints
            patience = pool.cold_start_wait_seconds if cold else pool.max_wait_seconds
            with suppress_timeout():
                async with asyncio.timeout_at(since + patience):
                    await asyncio.shield(admitted)
            if admitted.done():
                if (shed := admitted.result()) is not None:
                    raise shed
                return
            now_cold = not self.current.pools.get(name, PoolRoute()).endpoints
            if now_cold and not cold:
                # Its workers went away meanwhile: from now on the call waits for a new one.
                continue
            if cold and now_cold:
                detail = f"pool {name} has no ready worker, and none came up in {patience:g} s"
                raise retry_later(503, Reason.POOL_UNAVAILABLE, detail, 5)
            if not cold:
                raise queued_too_long(name, patience)
            # A worker came up at the last moment: from now on this is an ordinary wait.
            since = loop.time()

    def _bulkhead(self, name: str) -> Bulkhead:
        found = self._bulkheads.get(name)
        if found is None:
            found = self._bulkheads[name] = Bulkhead(0, 0)
            self._resize(name)
        return found

    def _resize(self, name: str) -> None:
        pool = self.current.pools.get(name)
        bulkhead = self._bulkheads.get(name)
        if bulkhead is None:
            if pool is None:
                return
            bulkhead = self._bulkheads[name] = Bulkhead(0, 0)
        if pool is None:
            bulkhead.resize(0, 0)
            if not bulkhead.in_flight and not bulkhead.queued:
                del self._bulkheads[name]
        else:
            limit = len(pool.endpoints) * pool.concurrency_per_replica
            bulkhead.resize(limit, pool.max_queued, pool.max_queued_bytes)


@contextmanager
def suppress_timeout() -> Iterator[None]:
    """Go on after a timeout that was asked for here."""
    try:
        yield
    except TimeoutError:
        return


def queued_too_long(name: str, seconds: float) -> RouterError:
    """The answer to a call that waited in the queue for nothing."""
    detail = f"pool {name} is busy: no place became free in {seconds:g} s"
    return retry_later(429, Reason.QUEUE_FULL, detail)


def _gone(name: str) -> RouterError:
    return retry_later(503, Reason.POOL_UNAVAILABLE, f"pool {name} is not in the route table", 5)


def _shed(name: str, assistant: str) -> RouterError:
    detail = (
        f"pool {name} is full, and calls of '{assistant}', whose priority is negative, make room "
        "for others; try again later"
    )
    return retry_later(429, Reason.QUEUE_FULL, detail, 5)


def _full(name: str, bulkhead: Bulkhead) -> RouterError:
    detail = (
        f"pool {name} is full: {bulkhead.in_flight} calls in flight and {bulkhead.queued} waiting; "
        "try again later"
    )
    return retry_later(429, Reason.QUEUE_FULL, detail)
