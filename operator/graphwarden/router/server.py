"""The process: a listening socket, a table that is followed, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys

import uvloop

from graphwarden.router.files import follow_file
from graphwarden.router.pools import Pools
from graphwarden.router.protocol import ClientProtocol
from graphwarden.router.proxy import Proxy
from graphwarden.router.settings import Settings
from graphwarden.router.upstream import keep_alive
from graphwarden.telemetry import logs

log = logging.getLogger(__name__)

_BACKLOG = 4096


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight. Exits 1 when it cannot."""
    logs.configure(settings.log_format, service="graphwarden-router")
    sys.exit(uvloop.run(_serve(settings)))


async def _serve(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    proxy = Proxy(Pools(), log_access=settings.access_log)
    connections: set[ClientProtocol] = set()
    try:
        server = await loop.create_server(
            lambda: ClientProtocol(settings, proxy.handle, proxy.refuse, connections),
            sock=_listen(settings.host, settings.port),
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
    log.info("serving", extra={"host": settings.host, "port": settings.port})
    await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        log.error("the source of the table failed: %s", following.exception())
        return 1
    proxy.own.draining = True
    # Calls still come in until every load balancer has noticed.
    await asyncio.sleep(settings.unready_seconds)
    server.close()
    await _drain(connections, settings.drain_seconds)
    following.cancel()
    log.info("stopped")
    return 0


async def _follow(settings: Settings, proxy: Proxy) -> None:
    if settings.table is not None:
        await follow_file(settings.table, proxy.swap)
    else:
        # The Kubernetes client takes half a second to import; a table file needs none of it.
        from graphwarden.router.source import KubernetesSource

        namespaces = () if settings.all_namespaces else settings.namespaces
        await KubernetesSource(namespaces, proxy.swap).follow()


async def _drain(connections: set[ClientProtocol], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    for connection in list(connections):
        connection.close_when_idle()
    while connections and loop.time() < end:  # noqa: ASYNC110
        # Ending connections tell nobody: at the end of the process a look now and then is enough.
        await asyncio.sleep(0.05)
    for connection in list(connections):
        connection.abort()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted connections: a client that vanished is noticed in time.
        keep_alive(listener)
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
