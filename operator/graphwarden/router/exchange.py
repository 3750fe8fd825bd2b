"""One request and its answer: find its pool, wait for a place, send it once, pass it on."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from graphwarden.api.errors import Reason
from graphwarden.api.mcp import MessageId
from graphwarden.router.address import Call, address
from graphwarden.router.answers import (
    render_preflight,
    render_request_head,
    render_response_head,
)
from graphwarden.router.chunks import drop, in_chunks, make_chunk, make_sink
from graphwarden.router.console.console import EVENTS, Console
from graphwarden.router.endpoints import ConnectFailed
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.express_call import ExpressCall
from graphwarden.router.guard import check
from graphwarden.router.hops import NOT_STARTED, Hops, Refusal, read_refusal
from graphwarden.router.metrics import name_outcome
from graphwarden.router.pages import address_page, is_page
from graphwarden.router.protocol import ClientProtocol
from graphwarden.router.request import Request
from graphwarden.router.routing import Target, find_route
from graphwarden.router.spans import Sent
from graphwarden.router.timeouts import run_timed_out
from graphwarden.router.tools import find_tool_route
from graphwarden.router.upstream import ConnectionBroken, ResponseHead, UpstreamConnection
from graphwarden.telemetry.trace import TraceContext

if TYPE_CHECKING:
    from graphwarden.router.proxy import Proxy

_PAUSE_SECONDS = (0.05, 0.5)


class Exchange:
    """One request and its answer."""

    def __init__(
        self, proxy: Proxy, request: Request, client: ClientProtocol, trace: TraceContext
    ) -> None:
        self._proxy = proxy
        self.request = request
        self._client = client
        self.trace = trace
        self.pool = ""
        self.assistant = ""
        self.status = 0
        self.outcome = "ok"
        self.is_worth_a_line = True
        self.sent = request.sent
        self.call_id: MessageId = None

    async def run(self) -> None:
        request, client = self.request, self._client
        guard = self._proxy.guard
        if request.started is not None:
            guard.strip(request)
            await self._go_on(request.started)
            return
        route = find_route(request.method, request.path)
        if request.method == "OPTIONS":
            client.write(render_preflight(request, self.trace.trace_id))
            return
        if route.target is Target.PAGE and is_page(self._proxy.pools.current, route.name):
            guard.strip(request)
            await self._show_page(route.name)
            return
        console = self._proxy.console
        if console is not None and console.has(request.path):
            await self._show_console(console)
            return
        request.caller = await guard.admit(request)
        if route.target is Target.TOOLS:
            self.call_id, route = find_tool_route(request, await request.body.read())
        match route.target:
            case Target.OWN:
                self.is_worth_a_line = False
                body = await request.body.read()
                try:
                    client.write(await self._proxy.own.answer(request, body, self.trace))
                finally:
                    # What workers were asked for has a span, which theirs stand below.
                    self.is_worth_a_line = bool(request.sent)
                return
            case Target.NOWHERE | Target.PAGE:
                raise RouterError(404, Reason.NOT_FOUND, "Not Found")
            case Target.WRONG_METHOD:
                detail = f"{request.path} is served by {route.allow}"
                raise RouterError(405, Reason.METHOD_NOT_ALLOWED, detail, {"allow": route.allow})
        if self._proxy.pools.table is None:
            raise retry_later(503, Reason.POOL_UNAVAILABLE, "the router has no route table yet")
        call = await address(
            request, route, self._proxy.pools, self._proxy.own.directory, self.trace
        )
        self.pool, self.assistant = call.pool, call.assistant
        check(request.caller, call.assistant)
        await self._deliver(call)

    async def _show_console(self, console: Console) -> None:
        request, client = self.request, self._client
        self.is_worth_a_line = False
        if request.path == EVENTS:
            request.caller = await self._proxy.guard.admit(request)
            await console.stream(request, client, self.trace.trace_id)
        else:
            client.write(console.show(request, self.trace.trace_id))

    async def _show_page(self, name: str) -> None:
        call = await address_page(self.request, self._proxy.pools.current, name)
        self.pool, self.assistant = call.pool, call.assistant
        await self._deliver(call)

    async def _go_on(self, started: ExpressCall) -> None:
        """Bring a call to its end that was sent on the short way."""
        self.pool, self.assistant = started.pool, started.assistant
        self.sent += started.sent
        left = started.deadline - time.monotonic()
        body = await self.request.body.read()
        call = Call(
            started.pool,
            body,
            None if left == math.inf else left,
            thread=started.thread,
            assistant=started.assistant,
            may_move=started.may_move,
        )
        await self._deliver(call, started)

    async def _deliver(self, call: Call, started: ExpressCall | None = None) -> None:
        """Send the call until a worker takes it: again only when it provably did not start."""
        loop = asyncio.get_running_loop()
        avoid: set[str] = set()
        pause, hops, give_up_at = _PAUSE_SECONDS[0], Hops(), 0.0
        while True:
            final = not call.may_move or 0 < give_up_at <= loop.time()
            pinned = call.worker
            adopted = started.bulkhead if started is not None else None
            place = self._proxy.pools.place(
                call.pool,
                assistant=call.assistant,
                size=len(call.body) if isinstance(call.body, bytes) else 0,
                held=not call.only_watches,
                adopted=adopted,
            )
            async with place:
                sent = started.connection if started is not None else None
                started = None
                refusal = await self._attempt_in_time(call, avoid, final=final, sent=sent)
            if refusal is None:
                return
            if refusal.sends_on:
                avoid = set()
                table = self._proxy.pools.current
                call.pool, call.worker = hops.follow(refusal, call.pool, table)
                self.pool = call.pool
                continue
            if pinned:
                # It took nothing. Whoever owns the thread meanwhile is for its pool to say.
                call.worker, hops.to_worker = "", False
            route = self._proxy.pools.current.pools.get(call.pool)
            give_up_at = give_up_at or loop.time() + (route.max_wait_seconds if route else 0)
            if pinned or route is None or avoid.issuperset(route.endpoints):
                await asyncio.sleep(pause)
                pause, avoid = min(pause * 2, _PAUSE_SECONDS[1]), set()

    async def _attempt_in_time(
        self, call: Call, avoid: set[str], *, final: bool, sent: UpstreamConnection | None
    ) -> Refusal | None:
        # A wait for a place or for a first worker is not the run's time.
        try:
            async with asyncio.timeout(call.timeout_seconds):
                return await self._attempt(call, avoid, final=final, sent=sent)
        except TimeoutError:
            raise run_timed_out(call.timeout_seconds or 0) from None

    async def _attempt(
        self, call: Call, avoid: set[str], *, final: bool, sent: UpstreamConnection | None
    ) -> Refusal | None:
        """Send the call to one worker, or read the answer of the one it was sent to.

        Returns:
            None when it is answered, or why the worker did nothing with it.
        """
        proxy = self._proxy
        if sent is not None:
            return await self._finish(call, sent, sent.wait_for_head(), avoid, final=final)
        endpoint = call.worker or proxy.choose(call, avoid)
        if endpoint is None:
            return NOT_STARTED
        try:
            connection = await proxy.upstreams.acquire(endpoint)
        except ConnectFailed as error:
            avoid.add(endpoint)
            if error.late:
                proxy.lost(call.pool, endpoint)
            if final:
                detail = f"no worker of pool {call.pool} can be reached: {error}"
                raise retry_later(503, Reason.POOL_UNAVAILABLE, detail) from error
            return NOT_STARTED
        sending = self._send(call, connection, self._begin_sent(endpoint))
        return await self._finish(call, connection, sending, avoid, final=final)

    def _begin_sent(self, endpoint: str) -> TraceContext:
        """The place of a call to a worker in the trace."""
        context = self.trace.child()
        if self._proxy.spans is not None:
            self.sent.append(Sent(endpoint, context.span_id, time.monotonic()))
        return context

    async def _finish(
        self,
        call: Call,
        connection: UpstreamConnection,
        answer: Coroutine[Any, Any, ResponseHead],
        avoid: set[str],
        *,
        final: bool,
    ) -> Refusal | None:
        proxy, endpoint = self._proxy, connection.endpoint
        breakers = proxy.upstreams.breakers
        began = time.monotonic()
        breakers.sent(endpoint)
        sent = self.sent[-1] if self.sent else None
        try:
            head = await answer
            breakers.answered(endpoint)
            if sent is not None:
                sent.status = head.status
            # A body that was passed on as it came is gone.
            again = read_refusal(head, final=final) if isinstance(call.body, bytes) else None
            if again is None:
                await self._relay(head, connection)
            else:
                avoid.add(endpoint)
                connection.relay(drop)
                await connection.wait_until_done()
        except ConnectionBroken as error:
            connection.abort()
            if self._may_repeat(connection):
                return NOT_STARTED
            if not connection.has_answered:
                proxy.lost(call.pool, endpoint)
                if call.may_join and not final:
                    # The same key joins the run that was begun, wherever it goes on.
                    avoid.add(endpoint)
                    return NOT_STARTED
            raise self._explain_loss(call, endpoint, error) from error
        except BaseException:
            connection.abort()
            breakers.withdrawn(endpoint)
            raise
        finally:
            now = time.monotonic()
            if sent is not None:
                sent.ended, sent.failure = now, "" if sent.status else "lost"
            proxy.metrics.relayed(call.pool, now - began, proxy.find_exemplar(self.trace))
            proxy.upstreams.release(connection)
        if again is None and call.thread and self.status < 400:
            proxy.pools.remember(call.thread, call.pool)
        return again

    async def _send(
        self, call: Call, connection: UpstreamConnection, context: TraceContext
    ) -> ResponseHead:
        request = self.request
        size = len(call.body) if isinstance(call.body, bytes) else request.content_length
        head = render_request_head(request, connection.endpoint, context, size)
        if isinstance(call.body, bytes):
            return await connection.send(head, call.body, method=request.method)
        body = call.body if size is not None else in_chunks(call.body)
        return await connection.send(head, body, method=request.method)

    async def _relay(self, head: ResponseHead, connection: UpstreamConnection) -> None:
        client, request = self._client, self.request
        self.status, self.outcome = head.status, name_outcome(head.status)
        reframe = head.chunked and not request.http_1_0
        if head.ends_with_connection or (head.chunked and request.http_1_0):
            request.keep_alive = False
        close = request.decide_close()
        client.answered = True
        client.on_pressure = connection.hold_back
        first = [render_response_head(head, request, self.trace.trace_id, close=close)]
        # What came together leaves together: a system call costs more than all else here.
        for piece in connection.take_pieces():
            first += make_chunk(piece) if reframe else [piece]
        end = [b"0\r\n\r\n"] if reframe and request.method != "HEAD" else []
        if connection.is_done:
            client.write(b"".join(first + end))
            return
        client.write(b"".join(first))
        connection.relay(make_sink(client, reframe=reframe))
        await connection.wait_until_done()
        client.writelines(end)

    def _may_repeat(self, connection: UpstreamConnection) -> bool:
        """A kept connection that ended before any answer, and a call that only reads.

        RFC 9110, section 9.2.2. A run is never in question: no run is made by these methods.
        """
        return (
            self.request.method in ("GET", "HEAD")
            and connection.was_used
            and not connection.has_answered
        )

    def _explain_loss(self, call: Call, endpoint: str, error: ConnectionBroken) -> RouterError:
        self.outcome = "lost"
        detail = (
            f"the worker {endpoint} of pool {call.pool} went away before it answered ({error}); "
            "the run may have started, so it was not sent again"
        )
        return RouterError(502, Reason.UPSTREAM_LOST, detail)
