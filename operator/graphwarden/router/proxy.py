"""The router's parts together: who answers a request, and which worker gets a call."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import time
from collections.abc import Sequence

from graphwarden.api.errors import Reason
from graphwarden.router.access_log import AccessLog
from graphwarden.router.address import Call
from graphwarden.router.answers import (
    render_refusal,
)
from graphwarden.router.choose import choose_endpoint, choose_for_key
from graphwarden.router.console.console import Console
from graphwarden.router.debugging import wants_trace
from graphwarden.router.endpoints import Upstreams
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.exchange import Exchange
from graphwarden.router.express import Express
from graphwarden.router.express_call import ExpressCall
from graphwarden.router.express_wait import ExpressWait
from graphwarden.router.guard import Guard
from graphwarden.router.loads import Loads
from graphwarden.router.metrics import Metrics, name_outcome
from graphwarden.router.own import OwnAnswers
from graphwarden.router.pools import Pools
from graphwarden.router.protocol import ClientProtocol
from graphwarden.router.request import Request
from graphwarden.router.spans import CallSpans, Ended
from graphwarden.router.table import Table
from graphwarden.telemetry.trace import TraceContext

log = logging.getLogger(__name__)


class Proxy:
    """Answers every request of every client."""

    def __init__(
        self,
        pools: Pools,
        max_body_bytes: int,
        access_log: AccessLog | None = None,
        guard: Guard | None = None,
        spans: CallSpans | None = None,
        sample_ratio: float = 1.0,
    ) -> None:
        self.pools = pools
        self.guard = guard or Guard()
        self.upstreams = Upstreams()
        self.console: Console | None = None
        self.loads = Loads(pools, self.upstreams)
        self.metrics = Metrics(pools)
        self.own = OwnAnswers(
            pools, self.upstreams, self.metrics, spans.store if spans is not None else None
        )
        self.express = Express(self, max_body_bytes)
        self._access_log = access_log
        self.spans = spans
        self._sample_ratio = sample_ratio
        self.turn = 0

    def accept(self, traceparent: str | None) -> TraceContext:
        """The place of a new call in its caller's trace, or in a new one."""
        return TraceContext.accept(traceparent, self._sample_ratio)

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
        started = request.started
        began = started.arrived if started else time.monotonic()
        trace = started.trace if started else self.accept(request.header(b"traceparent"))
        if not trace.sampled and wants_trace(request, client.peer):
            trace = dataclasses.replace(trace, sampled=True)
        exchange = Exchange(self, request, client, trace)
        try:
            await exchange.run()
        except RouterError as error:
            exchange.outcome = name_outcome(error.status)
            exchange.status = error.status
            if client.answered:
                client.abort()
            else:
                request.keep_alive = request.keep_alive and not error.close
                client.write(render_refusal(request, error, trace.trace_id, exchange.call_id))
        except asyncio.CancelledError:
            exchange.outcome = "gone"
            raise
        except Exception:
            log.exception("a call failed", extra={"trace_id": trace.trace_id})
            exchange.outcome, exchange.status = "error", 500
            self._give_up(request, client, trace)
        finally:
            self.metrics.answered(exchange.pool, exchange.outcome)
            if exchange.is_worth_a_line:
                told = (request.method, request.path, exchange.status, exchange.outcome)
                self._note(*told, exchange, time.monotonic() - began)

    def _give_up(self, request: Request, client: ClientProtocol, trace: TraceContext) -> None:
        request.keep_alive = False
        if client.answered:
            client.abort()
            return
        detail = "the router failed on this call; its log has the reason under this trace id"
        error = RouterError(500, Reason.INTERNAL, detail, close=True)
        client.write(render_refusal(request, error, trace.trace_id))

    def choose(self, call: Call, avoid: set[str]) -> str | None:
        """The worker for a call."""
        self.turn += 1
        route = self.pools.current.pools.get(call.pool)
        endpoints: Sequence[str] = route.endpoints if route else []
        if self.upstreams.breakers.tripped:
            endpoints = self._leave_out_tripped(call.pool, endpoints)
        if call.assistant and self.loads.has_exceptions:
            endpoints = self.loads.prefer(endpoints, call.assistant)
        if call.key and not call.key_is_shared:
            return choose_for_key(endpoints, call.key, avoid)
        return choose_endpoint(endpoints, self.upstreams.busy, avoid, self.turn)

    def _leave_out_tripped(self, pool: str, endpoints: Sequence[str]) -> Sequence[str]:
        now, breakers = time.monotonic(), self.upstreams.breakers
        found = [e for e in endpoints if not breakers.closed_to(e, now)]
        if endpoints and not found:
            seconds = math.ceil(breakers.seconds_left(endpoints, now)) or 1
            detail = f"every worker of pool {pool} lost call after call; try again in {seconds} s"
            raise retry_later(503, Reason.POOL_UNAVAILABLE, detail, seconds)
        return found

    def lost(self, pool: str, endpoint: str) -> None:
        """A call that was sent to a worker is lost."""
        route = self.pools.current.pools.get(pool)
        if route is not None and endpoint in route.endpoints:
            self.upstreams.breakers.lost(
                endpoint, time.monotonic(), route.breaker_failures, route.breaker_open_seconds
            )

    def end_express(self, call: ExpressCall, status: int, outcome: str) -> None:
        """Note a call that was answered on the short way."""
        now = time.monotonic()
        self.metrics.answered(call.pool, outcome)
        if call.first is not None:
            call.first.ended, call.first.status = now, status
        self.metrics.relayed(call.pool, now - call.began, self.find_exemplar(call.trace))
        if call.thread and 200 <= status < 400:
            self.pools.remember(call.thread, call.pool)
        self._note("POST", call.path, status, outcome, call, now - call.arrived)

    def end_wait(self, wait: ExpressWait, status: int, outcome: str) -> None:
        """Note a call that ended in the queue."""
        self.metrics.answered(wait.pool, outcome)
        self._note("POST", wait.path, status, outcome, wait, time.monotonic() - wait.began)

    def find_exemplar(self, trace: TraceContext) -> TraceContext | None:
        """The trace of a call, where somebody would find it."""
        return trace if self.spans is not None and trace.sampled else None

    def _note(
        self, method: str, path: str, status: int, outcome: str, call: Ended, seconds: float
    ) -> None:
        if self._access_log is not None:
            self._access_log.note(method, path, status, outcome, call, seconds)
        if self.spans is not None:
            self.spans.note(method, path, status, outcome, call, seconds)
