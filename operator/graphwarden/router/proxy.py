"""The story of one call: find its pool, wait for a place, send it once, pass the answer on."""

from __future__ import annotations

import asyncio
import logging
import time

from graphwarden.api.errors import ASSISTANT_HEADER, NOT_STARTED_HEADER, Reason
from graphwarden.router.address import Call, address
from graphwarden.router.answers import (
    render_preflight,
    render_refusal,
    render_request_head,
    render_response_head,
)
from graphwarden.router.choose import choose_endpoint
from graphwarden.router.chunks import drop, in_chunks, make_chunk, make_sink
from graphwarden.router.endpoints import ConnectFailed, Upstreams
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.metrics import Metrics, name_outcome
from graphwarden.router.own import OwnAnswers
from graphwarden.router.pools import Pools
from graphwarden.router.protocol import ClientProtocol
from graphwarden.router.request import Request
from graphwarden.router.routing import Target, find_route
from graphwarden.router.table import Table
from graphwarden.router.upstream import ConnectionBroken, ResponseHead, UpstreamConnection
from graphwarden.telemetry.trace import TraceContext

log = logging.getLogger(__name__)
access = logging.getLogger("graphwarden.router.access")

_PAUSE_SECONDS = (0.05, 0.5)
_NOT_STARTED = NOT_STARTED_HEADER.encode()
_ASSISTANT = ASSISTANT_HEADER.encode()


class Proxy:
    """Answers every request of every client."""

    def __init__(self, pools: Pools, *, log_access: bool) -> None:
        self.pools = pools
        self.upstreams = Upstreams()
        self.metrics = Metrics(pools)
        self.own = OwnAnswers(pools, self.upstreams, self.metrics)
        self._log_access = log_access
        self._turn = 0

    def swap(self, table: Table) -> None:
        """Put another table in force. Calls in flight do not notice."""
        self.pools.swap(table)
        self.upstreams.keep_only(table.endpoints)

    def refuse(self, error: RouterError, client: ClientProtocol) -> None:
        """Answer what was no request."""
        self.metrics.answered("", "client_error")
        client.write(render_refusal(None, error, TraceContext.mint().trace_id))

    async def handle(self, request: Request, client: ClientProtocol) -> None:
        """Answer one request."""
        began = time.monotonic()
        trace = TraceContext.accept(request.header(b"traceparent"))
        exchange = _Exchange(self, request, client, trace)
        try:
            await exchange.run()
        except RouterError as error:
            exchange.outcome = name_outcome(error.status)
            exchange.status = error.status
            if client.answered:
                client.abort()
            else:
                client.closing = client.closing or error.close
                client.write(render_refusal(request, error, trace.trace_id))
        except asyncio.CancelledError:
            exchange.outcome = "gone"
            raise
        except Exception:
            log.exception("a call failed", extra={"trace_id": trace.trace_id})
            exchange.outcome, exchange.status = "error", 500
            self._give_up(request, client, trace)
        finally:
            self.metrics.answered(exchange.pool, exchange.outcome)
            if self._log_access and exchange.is_worth_a_line:
                _log(exchange, time.monotonic() - began)

    def _give_up(self, request: Request, client: ClientProtocol, trace: TraceContext) -> None:
        client.closing = True
        if client.answered:
            client.abort()
            return
        detail = "the router failed on this call; its log has the reason under this trace id"
        error = RouterError(500, Reason.INTERNAL, detail, close=True)
        client.write(render_refusal(request, error, trace.trace_id))

    def choose(self, pool: str, avoid: set[str]) -> str | None:
        """The worker for a call."""
        route = self.pools.current.pools.get(pool)
        self._turn += 1
        return choose_endpoint(
            route.endpoints if route else (), self.upstreams.busy, avoid, self._turn
        )


class _Exchange:
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

    async def run(self) -> None:
        request, client = self.request, self._client
        route = find_route(request.method, request.path)
        if request.method == "OPTIONS":
            client.write(render_preflight(request, self.trace.trace_id))
            return
        match route.target:
            case Target.OWN:
                self.is_worth_a_line = False
                body = await request.body.read()
                client.write(await self._proxy.own.answer(request, body, self.trace))
                return
            case Target.NOWHERE:
                raise RouterError(404, Reason.NOT_FOUND, "Not Found")
            case Target.WRONG_METHOD:
                detail = f"{request.path} is served by {route.allow}"
                raise RouterError(405, Reason.METHOD_NOT_ALLOWED, detail, {"allow": route.allow})
        if self._proxy.pools.table is None:
            raise retry_later(503, Reason.POOL_UNAVAILABLE, "the router has no route table yet")
        call = await address(request, route, self._proxy.pools)
        self.pool, self.assistant = call.pool, call.assistant
        await self._deliver(call)

    async def _deliver(self, call: Call) -> None:
        """Send the call until a worker takes it: again only when it provably did not start."""
        loop = asyncio.get_running_loop()
        avoid: set[str] = set()
        pause, redirected, give_up_at = _PAUSE_SECONDS[0], False, 0.0
        while True:
            final = not call.may_move or 0 < give_up_at <= loop.time()
            async with self._proxy.pools.place(call.pool):
                outcome = await self._attempt_in_time(call, avoid, final=final)
            if outcome is None:
                return
            if outcome and not redirected:
                redirected, avoid = True, set()
                call.pool = self.pool = self._find_owner(outcome)
                continue
            if outcome:
                raise RouterError(
                    502, Reason.MISDIRECTED, "two pools refused the thread as not theirs"
                )
            route = self._proxy.pools.current.pools.get(call.pool)
            give_up_at = give_up_at or loop.time() + (route.max_wait_seconds if route else 0)
            if route is None or avoid.issuperset(route.endpoints):
                await asyncio.sleep(pause)
                pause, avoid = min(pause * 2, _PAUSE_SECONDS[1]), set()

    async def _attempt_in_time(self, call: Call, avoid: set[str], *, final: bool) -> str | None:
        # A wait for a place or for a first worker is not the run's time.
        try:
            async with asyncio.timeout(call.timeout_seconds):
                return await self._attempt(call, avoid, final=final)
        except TimeoutError:
            detail = f"no answer within {call.timeout_seconds:g} s, the graph's timeout and more"
            raise RouterError(504, Reason.UPSTREAM_TIMEOUT, detail) from None

    async def _attempt(self, call: Call, avoid: set[str], *, final: bool) -> str | None:
        """Send the call to one worker.

        Returns:
            None when it is answered; `""` when it did not start and may be sent again; the
            assistant id of the thread's owner when it belongs elsewhere.
        """
        proxy = self._proxy
        endpoint = proxy.choose(call.pool, avoid)
        if endpoint is None:
            return ""
        try:
            connection = await proxy.upstreams.acquire(endpoint)
        except ConnectFailed as error:
            avoid.add(endpoint)
            if final:
                detail = f"no worker of pool {call.pool} can be reached: {error}"
                raise retry_later(503, Reason.POOL_UNAVAILABLE, detail) from error
            return ""
        began = time.monotonic()
        try:
            head = await self._send(call, connection)
            again = self._read_refusal(head, call, final=final)
            if again is None:
                await self._relay(head, connection)
            else:
                avoid.add(endpoint)
                connection.relay(drop)
                await connection.wait_until_done()
        except ConnectionBroken as error:
            connection.abort()
            if self._may_repeat(connection):
                return ""
            raise self._explain_loss(call, endpoint, error) from error
        except BaseException:
            connection.abort()
            raise
        finally:
            proxy.metrics.relayed(call.pool, time.monotonic() - began)
            proxy.upstreams.release(connection)
        if again is None and call.thread and self.status < 400:
            proxy.pools.remember(call.thread, call.pool)
        return again

    async def _send(self, call: Call, connection: UpstreamConnection) -> ResponseHead:
        request = self.request
        size = len(call.body) if isinstance(call.body, bytes) else request.content_length
        head = render_request_head(request, connection.endpoint, self.trace.child(), size)
        if isinstance(call.body, bytes):
            return await connection.send(head, call.body, method=request.method)
        body = call.body if size is not None else in_chunks(call.body)
        return await connection.send(head, body, method=request.method)

    def _read_refusal(self, head: ResponseHead, call: Call, *, final: bool) -> str | None:
        if not isinstance(call.body, bytes):
            return None
        if head.status == 421:
            return head.header(_ASSISTANT) or None
        if head.status == 503 and head.header(_NOT_STARTED) is not None and not final:
            return ""
        return None

    def _find_owner(self, assistant: str) -> str:
        table = self._proxy.pools.current
        name = table.find(assistant)
        if name is None:
            detail = f"the thread belongs to graph '{assistant}', which is not in the fleet"
            raise RouterError(422, Reason.UNKNOWN_ASSISTANT, detail)
        return table.assistants[name].pool

    async def _relay(self, head: ResponseHead, connection: UpstreamConnection) -> None:
        client, request = self._client, self.request
        self.status, self.outcome = head.status, name_outcome(head.status)
        reframe = head.chunked and not request.http_1_0
        close = (
            (head.chunked and request.http_1_0)
            or head.ends_with_connection
            or not request.keep_alive
        )
        client.closing = client.closing or close
        client.answered = True
        client.on_pressure = connection.hold_back
        first = [render_response_head(head, request, self.trace.trace_id, close=client.closing)]
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


def _log(exchange: _Exchange, seconds: float) -> None:
    request = exchange.request
    access.info(
        "request",
        extra={
            "method": request.method,
            "path": request.path,
            "status": exchange.status,
            "outcome": exchange.outcome,
            "capability": exchange.pool,
            "assistant_id": exchange.assistant,
            "duration_ms": round(seconds * 1000, 2),
            "trace_id": exchange.trace.trace_id,
        },
    )
