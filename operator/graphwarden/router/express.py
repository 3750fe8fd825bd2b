"""The short way of an ordinary run: no task, no future, one write in each direction.

A run whose pool has room is sent from the callback that received it, and its answer from the
callback that received that; a task is only there for as long as a connection is made. One that has
to wait for its place does so as its bytes. All else, seen at whatever point, goes on in the general
way of `proxy`, with what is known by then.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from graphwarden.api.table import PoolRoute
from graphwarden.router.access import ANYBODY, Caller
from graphwarden.router.choose import choose_endpoint
from graphwarden.router.endpoints import ConnectFailed
from graphwarden.router.express_call import ExpressCall
from graphwarden.router.express_wait import ExpressWait
from graphwarden.router.lines import Kind, Line, Lines
from graphwarden.router.outbox import Outbox
from graphwarden.router.routing import decode_assistant
from graphwarden.router.spans import Sent
from graphwarden.router.timeouts import make_run_timeout
from graphwarden.telemetry.trace import make_span_id

if TYPE_CHECKING:
    from graphwarden.router.protocol import ClientProtocol
    from graphwarden.router.proxy import Proxy

_RUN = re.compile(rb"POST ((?:/threads/([0-9A-Za-z-]{1,128}))?/runs(?:/wait|/stream)?) HTTP/1\.1")
_LONGEST_HEAD = 8192
_GATHERED_BYTES = 2**20
NOT_TAKEN, TAKEN = 0, -1
_SWEEP_SECONDS = 0.25
_EMPTY: frozenset[str] = frozenset()


class Express:
    """Tries the short way."""

    def __init__(self, proxy: Proxy, max_body_bytes: int) -> None:
        self.proxy = proxy
        self._max_body_bytes = max_body_bytes
        self.calls: set[ExpressCall] = set()
        self.waits: set[ExpressWait] = set()
        self.outbox = Outbox()
        self.answer_lines = Lines(of_answers=True)
        self._request_lines = Lines(of_answers=False)
        self._opening: set[asyncio.Task[None]] = set()

    def take(self, client: ClientProtocol, data: bytes, waited: ExpressWait | None = None) -> int:
        """Serve a whole request; one that has `waited` has its place in the pool.

        Returns:
            `TAKEN`, or how many bytes of its body are still to come, or `NOT_TAKEN` when it is not
            one for the short way. Nothing has been done then, and nothing was judged: whatever is
            wrong with the request is for the general way to say.
        """
        end = data.find(b"\r\n\r\n")
        if not 0 < end <= _LONGEST_HEAD:
            return NOT_TAKEN
        head, *lines = data[:end].split(b"\r\n")
        run = _RUN.fullmatch(head)
        if run is None:
            return NOT_TAKEN
        length, hosts, trace_header, key, named = -1, 0, None, None, None
        passed: list[bytes] = []
        known, read = self._request_lines.known, self._request_lines.read
        for raw in lines:
            line: Line = known.get(raw) or read(raw)
            kind = line.kind
            if kind is Kind.PASS:
                passed.append(line.out)
            elif kind is Kind.LENGTH and length < 0:
                length = int(line.value)
            elif kind is Kind.HOST:
                hosts += 1
            elif kind is Kind.TRACE and trace_header is None:
                trace_header = line.value
            elif kind is Kind.KEY and key is None:
                key = line
            elif kind is Kind.ASSISTANT and named is None:
                named = line.value
                passed.append(line.out)
            elif kind is not Kind.DROP:
                return NOT_TAKEN
        missing = length - (len(data) - end - 4)
        if hosts != 1 or missing < 0 or length > self._max_body_bytes or len(lines) > 100:
            return NOT_TAKEN
        if named is not None and length > _GATHERED_BYTES:
            # It can be sent on as it comes.
            return NOT_TAKEN
        if missing:
            return missing
        caller = self._admit(key, passed)
        if caller is None:
            return NOT_TAKEN
        body = memoryview(data)[end + 4 :]
        try:
            assistant = named.decode("latin-1") if named is not None else decode_assistant(body)
        except msgspec.DecodeError:
            return NOT_TAKEN
        taken = self._send(
            client, caller, assistant or "", data, run, passed, body, trace_header, waited
        )
        return TAKEN if taken else NOT_TAKEN

    def _admit(self, key: Line | None, passed: list[bytes]) -> Caller | None:
        """Who calls; None where it takes more than a look, or a refusal."""
        guard = self.proxy.guard
        if guard.mode == "none":
            if key is not None:
                passed.append(key.out)
            return ANYBODY
        return guard.find(key.value.decode("latin-1")) if key is not None else None

    def _send(
        self,
        client: ClientProtocol,
        caller: Caller,
        assistant: str,
        data: bytes,
        run: re.Match[bytes],
        passed: list[bytes],
        body: memoryview,
        trace_header: bytes | None,
        waited: ExpressWait | None,
    ) -> bool:
        proxy = self.proxy
        table = proxy.pools.table
        if table is None:
            return False
        route = table.assistants.get(assistant)
        if (
            route is None
            or not caller.may_run(assistant)
            or route.suspended
            or not route.ready
            or route.priority < 0
        ):
            return False
        pool = table.pools.get(route.pool)
        bulkhead = proxy.pools.find_bulkhead(route.pool)
        if pool is None or bulkhead is None or (waited and waited.bulkhead is not bulkhead):
            return False
        endpoints: Sequence[str] = pool.endpoints
        tripped = proxy.upstreams.breakers.tripped
        if tripped and not tripped.keys().isdisjoint(endpoints):
            return False
        if proxy.loads.has_exceptions:
            endpoints = proxy.loads.prefer(endpoints, assistant)
        endpoint = (
            endpoints[0]
            if len(endpoints) == 1
            else choose_endpoint(endpoints, proxy.upstreams.busy, _EMPTY, proxy.turn + 1)
        )
        if endpoint is None:
            return False
        trace = proxy.accept(trace_header.decode("latin-1") if trace_header else None)
        if waited is None and not bulkhead.has_room:
            wait = ExpressWait(self, client, bulkhead, data, trace)
            wait.pool, wait.assistant, wait.path = route.pool, assistant, run[1].decode()
            wait.patience = pool.max_wait_seconds
            return wait.enter(route.priority, len(body))
        connection = proxy.upstreams.take_idle(endpoint)
        proxy.turn += 1
        if waited is None:
            bulkhead.in_flight += 1
        thread = run[2].decode() if run[2] else ""
        call = ExpressCall(self, client, connection, bulkhead, data, trace)
        call.pool, call.assistant, call.thread = route.pool, assistant, thread
        call.path, call.may_move = run[1].decode(), route.retry != "Never"
        if waited is not None:
            call.arrived, call.trace = waited.began, waited.trace
        trace, span_id = call.trace, make_span_id()
        if proxy.spans is not None:
            call.first = Sent(endpoint, span_id, call.began)
        if not thread:
            call.deadline = call.began + make_run_timeout(route)
        self.calls.add(call)
        client.express = call
        client.busy = True
        passed.append(b"content-length: %d\r\n\r\n" % len(body))
        head = b"POST %b HTTP/1.1\r\nhost: %b\r\ntraceparent: 00-%b-%b-%b\r\n%b" % (
            run[1],
            endpoint.encode() if connection is None else connection.host_line,
            trace.trace_id.encode(),
            span_id.encode(),
            b"01" if trace.sampled else b"00",
            b"\r\n".join(passed),
        )
        if connection is not None:
            connection.receiver = call
            connection.send_raw(head, body, self.outbox)
        else:
            opening = asyncio.create_task(self._open(call, endpoint, head, body))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        return True

    async def _open(self, call: ExpressCall, endpoint: str, head: bytes, body: memoryview) -> None:
        """Send a call to a worker that has no connection at hand."""
        proxy = self.proxy
        try:
            connection = await proxy.upstreams.acquire(endpoint)
        except ConnectFailed as error:
            if error.late:
                proxy.lost(call.pool, endpoint)
            if call in self.calls:
                call.start_again()
            return
        if call not in self.calls:
            # Its client left meanwhile, or its time is over.
            proxy.upstreams.release(connection)
            return
        if not connection.is_open:
            proxy.upstreams.release(connection)
            call.start_again()
            return
        call.connection = connection
        connection.receiver = call
        connection.send_raw(head, body, self.outbox)

    def take_waited(self, client: ClientProtocol, wait: ExpressWait) -> bool:
        """Serve a request that has its place now; False where that takes the general way."""
        return self.take(client, wait.data, wait) == TAKEN

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer calls whose time is over, now and then: a timer per call would cost more."""
        now, pools = time.monotonic(), self.proxy.pools.current.pools
        late: list[ExpressCall | ExpressWait] = [c for c in self.calls if c.deadline < now]
        # Without a worker it is another wait, with another patience.
        late += [w for w in self.waits if w.deadline < now or not _has_workers(pools.get(w.pool))]
        for call in late:
            call.end_late()
        loop.call_later(_SWEEP_SECONDS, self.watch, loop)


def _has_workers(pool: PoolRoute | None) -> bool:
    return pool is not None and bool(pool.endpoints)
