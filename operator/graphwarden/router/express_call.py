"""One call on the short way: its answer, its end, and how it goes on in the general way."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphwarden.router.answers import render_refusal
from graphwarden.router.lines import Kind
from graphwarden.router.metrics import name_outcome
from graphwarden.router.timeouts import run_timed_out
from graphwarden.telemetry.trace import TraceContext

if TYPE_CHECKING:
    from graphwarden.router.bulkhead import Bulkhead
    from graphwarden.router.express import Express
    from graphwarden.router.protocol import ClientProtocol
    from graphwarden.router.spans import Sent
    from graphwarden.router.upstream import UpstreamConnection

_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) ")
# Answers by which a worker says that it did nothing, and that have to be looked at.
_LOOKED_AT = frozenset({421, 503})


class ExpressCall:
    """One call on the short way."""

    __slots__ = (
        "_client",
        "_express",
        "arrived",
        "assistant",
        "began",
        "bulkhead",
        "connection",
        "data",
        "deadline",
        "first",
        "may_move",
        "path",
        "pool",
        "thread",
        "trace",
    )

    def __init__(
        self,
        express: Express,
        client: ClientProtocol,
        connection: UpstreamConnection | None,
        bulkhead: Bulkhead,
        data: bytes,
        trace: TraceContext,
    ) -> None:
        self._express = express
        self._client = client
        # None while it is made.
        self.connection = connection
        self.bulkhead = bulkhead
        self.data = data
        self.trace = trace
        self.began = self.arrived = time.monotonic()
        self.deadline = float("inf")
        self.pool = self.assistant = self.thread = self.path = ""
        self.may_move = True
        # Known where spans are made.
        self.first: Sent | None = None

    @property
    def sent(self) -> Sequence[Sent]:
        """The worker it was sent to."""
        return () if self.first is None else (self.first,)

    def on_answer(self, data: bytes) -> None:
        """Bytes of the worker's answer: the whole of it, or the beginning of something longer."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._go_on_in_general(data)
            return
        head, *lines = data[:end].split(b"\r\n")
        found = _STATUS.match(head)
        status = int(found[1]) if found else 0
        length, traced = -1, False
        out = [head]
        known, read = self._express.answer_lines.known, self._express.answer_lines.read
        for raw in lines:
            line = known.get(raw) or read(raw)
            kind = line.kind
            if kind is Kind.SPECIAL:
                status = 0
                break
            if kind is Kind.DROP:
                continue
            if kind is Kind.LENGTH:
                length = int(line.value) if length < 0 else -2
            elif kind is Kind.TRACE:
                traced = True
            out.append(line.out)
        if not status or status in _LOOKED_AT or length != len(data) - end - 4:
            self._go_on_in_general(data)
            return
        if not traced:
            out.append(b"x-trace-id: " + self.trace.trace_id.encode())
        client, proxy = self._client, self._express.proxy
        if client.decide_close():
            out.append(b"connection: close")
        client.answer(b"\r\n".join(out) + data[end:])
        self._leave()
        connection = self._require_connection()
        connection.receiver = None
        proxy.upstreams.release(connection)
        proxy.end_express(self, status, name_outcome(status))
        client.end_express()

    def on_lost(self, exc: Exception | None) -> None:
        """The worker went away before it answered."""
        self._go_on_in_general(b"")

    def client_left(self) -> None:
        """Nobody waits any more; the worker sees that by the end of its connection."""
        self._leave()
        self._drop_connection()
        self._express.proxy.end_express(self, 0, "gone")

    def end_late(self) -> None:
        """The worker did not keep the run's timeout."""
        proxy, client = self._express.proxy, self._client
        self._leave()
        self._drop_connection()
        client.closing = True
        error = run_timed_out(self.deadline - self.began)
        client.write(render_refusal(None, error, self.trace.trace_id))
        proxy.end_express(self, error.status, "timeout")
        client.end_express()

    def start_again(self) -> None:
        """Have the general way begin anew: nothing was sent."""
        self._leave()
        self._client.begin_anew(self.data)

    def _require_connection(self) -> UpstreamConnection:
        assert self.connection is not None, "nothing was sent"
        return self.connection

    def _drop_connection(self) -> None:
        if self.connection is not None:
            self.connection.receiver = None
            self.connection.abort()
            self._express.proxy.upstreams.release(self.connection)

    def _leave(self) -> None:
        self._express.calls.discard(self)
        self.bulkhead.in_flight -= 1
        self.bulkhead.move_up()
        self._client.express = None

    def _go_on_in_general(self, data: bytes) -> None:
        """Have the general way go on, as if it had sent the request."""
        self._express.calls.discard(self)
        self._client.express = None
        self._require_connection().expect("POST", data)
        self._client.take_over(self)

    def abandon(self) -> None:
        """Give back what the call holds; its answer will not be read."""
        self.bulkhead.in_flight -= 1
        self.bulkhead.move_up()
        self._drop_connection()
