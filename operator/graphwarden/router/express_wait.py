"""One call on the short way that waits for its place: no task, and no more than its bytes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from graphwarden.router.answers import render_refusal
from graphwarden.router.bulkhead import Bulkhead, Ticket
from graphwarden.router.metrics import name_outcome
from graphwarden.router.pools import queued_too_long
from graphwarden.telemetry.trace import TraceContext

if TYPE_CHECKING:
    from graphwarden.router.express import Express
    from graphwarden.router.protocol import ClientProtocol


class ExpressWait:
    """A whole request in the queue of a pool that has workers."""

    __slots__ = (
        "_client",
        "_express",
        "assistant",
        "began",
        "bulkhead",
        "data",
        "path",
        "patience",
        "pool",
        "ticket",
        "trace",
    )

    def __init__(
        self,
        express: Express,
        client: ClientProtocol,
        bulkhead: Bulkhead,
        data: bytes,
        trace: TraceContext,
    ) -> None:
        self._express = express
        self._client = client
        self.bulkhead = bulkhead
        self.data = data
        self.trace = trace
        self.began = time.monotonic()
        self.patience = 0.0
        self.pool = self.assistant = self.path = ""
        self.ticket: Ticket | None = None

    @property
    def sent(self) -> tuple[()]:
        """No worker yet."""
        return ()

    @property
    def deadline(self) -> float:
        """When the call has waited long enough."""
        return self.began + self.patience

    def enter(self, priority: int, size: int) -> bool:
        """Take a place in the queue; False when it is full."""
        self.ticket = Ticket(self._admitted, self.assistant, priority, size)
        if not self.bulkhead.enter(self.ticket):
            return False
        self._express.waits.add(self)
        self._client.express = self
        self._client.busy = True
        return True

    def client_left(self) -> None:
        """Nobody waits any more."""
        self._leave()
        self._express.proxy.end_wait(self, 0, "gone")

    def end_late(self) -> None:
        """No place became free in time, or there is no worker any more to wait for."""
        self._leave()
        client, proxy = self._client, self._express.proxy
        route = proxy.pools.current.pools.get(self.pool)
        if route is None or not route.endpoints:
            client.begin_anew(self.data)
            return
        error = queued_too_long(self.pool, self.patience)
        client.closing = True
        client.write(render_refusal(None, error, self.trace.trace_id))
        proxy.end_wait(self, error.status, name_outcome(error.status))
        client.end_express()

    def _admitted(self) -> None:
        # Whoever gave the place back is in the middle of something.
        asyncio.get_running_loop().call_soon(self._go)

    def _go(self) -> None:
        if self not in self._express.waits:
            # Its client left, or its time was over, and its ticket gave the place back.
            return
        self._express.waits.discard(self)
        self._client.express = None
        # It holds on to us: without this the two stay until the garbage collector finds them.
        self.ticket = None
        if self._express.take_waited(self._client, self):
            return
        # What has changed meanwhile is for the general way to see.
        self.bulkhead.in_flight -= 1
        self.bulkhead.move_up()
        self._client.begin_anew(self.data)

    def _leave(self) -> None:
        self._express.waits.discard(self)
        self._client.express = None
        assert self.ticket is not None, "it waits"
        self.bulkhead.leave(self.ticket)
        self.ticket = None
