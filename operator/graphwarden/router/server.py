"""The process: a listening socket, a table that is followed, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
import sys

import uvloop

from graphwarden.router.access import BrokenKey
from graphwarden.router.access_log import AccessLog
from graphwarden.router.console.console import Console
from graphwarden.router.files import follow_file
from graphwarden.router.guard import Guard, Review, follow_keys, read_keys
from graphwarden.router.pools import Pools
from graphwarden.router.protocol import ClientProtocol
from graphwarden.router.proxy import Proxy
from graphwarden.router.settings import Settings
from graphwarden.router.spans import CallSpans
from graphwarden.router.upstream import keep_alive
from graphwarden.telemetry import logs
from graphwarden.telemetry.tracing import start_tracing

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1

_BACKLOG = 4096


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight. Exits 1 when it cannot."""
    logs.configure(settings.log_format, service="graphwarden-router")
    _allow_many_files()
    sys.exit(uvloop.run(_serve(settings)))


async def _serve(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    access_log = AccessLog(as_json=settings.log_format == "json") if settings.access_log else None
    guard = Guard(settings.auth, _make_review(settings))
    tracing = start_tracing(settings.tracing, "graphwarden-router")
    spans = CallSpans(tracing) if tracing is not None else None
    proxy = Proxy(
        Pools(), settings.max_body_bytes, access_log, guard, spans, settings.tracing.ratio
    )
    if tracing is not None:
        proxy.metrics.count_spans(tracing)
    if settings.keys is not None:
        try:
            # Before the first call comes.
            guard.keys = read_keys(settings.keys)
        except (OSError, BrokenKey) as error:
            log.error("keys in %s are not usable: %s", settings.keys, error)
            return 1
    if settings.console:
        proxy.console = Console(proxy.own.make_fleet_view)
    proxy.express.watch(loop)
    connections: set[ClientProtocol] = set()

    def meet() -> ClientProtocol:
        client = ClientProtocol(settings, proxy.handle, proxy.refuse, connections, proxy.express)
        client.leaving = proxy.own.draining
        return client

    try:
        server = await loop.create_server(
            meet,
            sock=_listen(settings.host, settings.port, settings.unread_seconds),
            backlog=_BACKLOG,
        )
    except OSError as error:
        log.error("cannot listen on %s:%d: %s", settings.host, settings.port, error)
        return 1
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    following = asyncio.create_task(_follow(settings, proxy))
    stopping = asyncio.create_task(stop.wait())
    duties: list[asyncio.Task[None]] = [asyncio.create_task(_settle_heap(proxy))]
    if settings.load_table_seconds:
        duties.append(loop.create_task(proxy.loads.follow(settings.load_table_seconds)))
    if settings.keys is not None:
        duties.append(loop.create_task(follow_keys(settings.keys, guard)))
    log.info("serving", extra={"host": settings.host, "port": settings.port})
    await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        log.error("the source of the table failed: %s", following.exception())
        return 1
    proxy.own.draining = True
    for connection in connections:
        connection.leave()
    # Calls still come in until every load balancer has noticed.
    await asyncio.sleep(settings.unready_seconds)
    server.close()
    await _drain(connections, settings)
    for task in (following, *duties):
        task.cancel()
    if access_log is not None:
        access_log.flush()
    if tracing is not None:
        await asyncio.to_thread(tracing.close)
    log.info("stopped")
    return 0


async def _settle_heap(proxy: Proxy) -> None:
    """Leave what was there at the start out of garbage collections, once the first table is.

    A look at all of that held up every call for some 20 ms. What came later is still looked at.
    """
    while proxy.pools.table is None:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_SECONDS)
    gc.collect()
    gc.freeze()


def _make_review(settings: Settings) -> Review | None:
    if settings.auth != "token-review":
        return None
    from graphwarden.router.tokens import TokenReviews

    return TokenReviews(settings.token_audience)


async def _follow(settings: Settings, proxy: Proxy) -> None:
    if settings.table is not None:
        await follow_file(settings.table, proxy.swap)
    else:
        # The Kubernetes client takes half a second to import; a table file needs none of it.
        from graphwarden.router.source import KubernetesSource

        namespaces = () if settings.all_namespaces else settings.namespaces
        await KubernetesSource(namespaces, proxy.swap).follow()


async def _drain(connections: set[ClientProtocol], settings: Settings) -> None:
    """Let calls end; a connection goes when its client was told, or has long asked nothing."""
    loop = asyncio.get_running_loop()
    end = loop.time() + settings.drain_seconds
    while connections and loop.time() < end:
        for connection in list(connections):
            # Also those that were about to begin when the others were told.
            connection.leave()
            connection.close_if_quiet(settings.unready_seconds)
        # Ending connections tell nobody: at the end of the process a look now and then is enough.
        await asyncio.sleep(0.05)
    for connection in list(connections):
        connection.abort()


def _allow_many_files() -> None:
    """Each call takes two sockets; the usual soft limit of 1024 is for programs that use select."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _limit_silence(listener: socket.socket, seconds: float) -> None:
    """End connections whose client reads nothing of an answer for so long (RFC 5482)."""
    # Not every system has it.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def _listen(host: str, port: int, unread_seconds: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted connections: a client that vanished is noticed in time.
        keep_alive(listener)
        _limit_silence(listener, unread_seconds)
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
