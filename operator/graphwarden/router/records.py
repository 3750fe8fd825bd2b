"""Calls of the router's own to a worker with storage, for records that no graph is needed for."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

from graphwarden.api.errors import NOT_STARTED_HEADER, Reason
from graphwarden.router.answers import render_request_head
from graphwarden.router.choose import choose_endpoint
from graphwarden.router.endpoints import ConnectFailed, Upstreams
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.pools import Pools
from graphwarden.router.request import Headers, Request
from graphwarden.router.spans import Sent
from graphwarden.router.upstream import ConnectionBroken, ResponseHead
from graphwarden.telemetry.trace import TraceContext

_SECONDS = 30.0
_NOT_STARTED = NOT_STARTED_HEADER.encode()
# Between router and worker alone: a client that sends one of these says nothing by it.
_OURS = b"x-graphwarden-"
_READS = frozenset({b"/assistants/search", b"/assistants/count"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's whole answer."""

    status: int
    body: bytes
    headers: dict[str, str]


class Records:
    """The fleet's database, through whichever worker is near it."""

    def __init__(self, pools: Pools, upstreams: Upstreams) -> None:
        self._pools = pools
        self._upstreams = upstreams
        self._turn = 0

    @property
    def exist(self) -> bool:
        """Whether any pool has storage, so that there may be records at all."""
        return bool(self._pools.current.storage_pools)

    async def ask(
        self,
        request: Request,
        body: bytes,
        trace: TraceContext,
        *,
        method: str = "",
        target: bytes = b"",
        more: Headers | None = None,
        pool: str = "",
    ) -> Reply:
        """Send a request that came, or one in its name, to a worker of `pool` or with storage.

        It goes to a second worker only where the first provably did nothing, or where the call
        only reads.

        Raises:
            RouterError: no worker answered.
        """
        asked = _derive(request, method or request.method, target or request.target, more or [])
        pool = await self._find_pool(pool)
        refused: Reply | None = None
        tried: set[str] = set()
        problem = ""
        while (endpoint := self._choose(pool, tried)) is not None:
            tried.add(endpoint)
            try:
                answer, content = await self._send(asked, endpoint, body, trace)
            except ConnectFailed as error:
                problem = str(error)
                continue
            except (ConnectionBroken, TimeoutError) as error:
                problem = f"{endpoint}: {error or 'timed out'}"
                if _only_reads(asked):
                    continue
                raise _lost(pool, problem) from error
            refused = _make_reply(answer, content)
            if answer.status != 503 or answer.header(_NOT_STARTED) is None:
                return refused
        if refused is not None:
            return refused
        detail = f"no worker of pool {pool} can be reached: {problem}"
        raise retry_later(503, Reason.POOL_UNAVAILABLE, detail)

    async def _send(
        self, asked: Request, endpoint: str, body: bytes, trace: TraceContext
    ) -> tuple[ResponseHead, bytes]:
        context, began = trace.child(), time.monotonic()
        head = render_request_head(asked, endpoint, context, len(body), vouched=True)
        try:
            answer, content = await self._upstreams.ask(
                endpoint, asked.method, head, body, _SECONDS
            )
        except ConnectFailed:
            raise
        except BaseException:
            lost = Sent(endpoint, context.span_id, began, time.monotonic(), failure="lost")
            asked.sent.append(lost)
            raise
        sent = Sent(endpoint, context.span_id, began, time.monotonic(), answer.status)
        asked.sent.append(sent)
        return answer, content

    async def _find_pool(self, named: str) -> str:
        table = self._pools.current
        if not named and not table.storage_pools:
            detail = "no pool has storage: set resumable: true in a GraphSpec"
            raise RouterError(503, Reason.STORAGE_MISSING, detail, {"retry-after": "10"})
        pool = named or table.storage_pools[0]
        if not table.pools[pool].endpoints:
            # Waiting for a place is what wakes a pool without workers. With workers, a short
            # question need not queue behind runs that may take minutes.
            async with self._pools.place(pool):
                pass
        return pool

    def _choose(self, pool: str, tried: set[str]) -> str | None:
        route = self._pools.current.pools.get(pool)
        left = [e for e in (route.endpoints if route else ()) if e not in tried]
        self._turn += 1
        return choose_endpoint(left, self._upstreams.busy, frozenset(), self._turn)


def _derive(request: Request, method: str, target: bytes, more: Headers) -> Request:
    """Another request in the name of one that came, with its credentials."""
    skipped = (b"content-type",) if method != request.method else ()
    headers = [
        (name, value)
        for name, value in request.headers
        if not name.startswith(_OURS) and name not in skipped
    ]
    return dataclasses.replace(request, method=method, target=target, headers=headers + more)


def _only_reads(request: Request) -> bool:
    path = request.target.partition(b"?")[0]
    return request.method in ("GET", "HEAD") or path in _READS


def _lost(pool: str, problem: str) -> RouterError:
    detail = f"the worker of pool {pool} went away before it answered ({problem}); look what is so"
    return RouterError(502, Reason.UPSTREAM_LOST, detail)


def _make_reply(head: ResponseHead, body: bytes) -> Reply:
    kept = (b"content-type", b"retry-after", b"x-pagination-total", b"x-pagination-next")
    headers = {k.decode(): v.decode("latin-1") for k, v in head.headers if k in kept}
    return Reply(head.status, body, headers)
