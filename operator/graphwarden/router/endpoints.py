"""The workers of every pool: connections that are kept and used again, and who is how busy."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Set

from graphwarden.router.upstream import ConnectionBroken, UpstreamConnection

CONNECT_SECONDS = 3.0
# Workers close idle connections after 75 s; we let go well before, so that no request is written
# to a connection that is being closed.
_IDLE_SECONDS = 30.0
_IDLE_LIMIT = 256


class ConnectFailed(Exception):
    """Nothing was sent: there is no such worker, or it does not answer."""


class Upstreams:
    """Idle connections and calls in flight, per endpoint (`host:port`)."""

    def __init__(self) -> None:
        self._live: Set[str] = frozenset()
        self.busy: defaultdict[str, int] = defaultdict(int)
        self._idle: defaultdict[str, deque[UpstreamConnection]] = defaultdict(deque)

    async def acquire(self, endpoint: str) -> UpstreamConnection:
        """An idle connection, or a new one. The endpoint counts as busy until `release`.

        Raises:
            ConnectFailed: nothing was sent.
        """
        loop = asyncio.get_running_loop()
        connection = self._take_idle(endpoint, loop.time())
        if connection is not None:
            self.busy[endpoint] += 1
            return connection
        host, _, port = endpoint.rpartition(":")
        self.busy[endpoint] += 1
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(endpoint), host.strip("[]"), int(port)
                )
        except (OSError, TimeoutError) as error:
            self._count_down(endpoint)
            raise ConnectFailed(f"{endpoint}: {error or 'timed out'}") from error
        except BaseException:
            self._count_down(endpoint)
            raise
        return connection

    def release(self, connection: UpstreamConnection) -> None:
        """Give a connection back: it is kept when it is clean, else broken."""
        self._count_down(connection.endpoint)
        idle = self._idle.get(connection.endpoint, deque())
        if connection.can_be_kept and connection.endpoint in self._live and len(idle) < _IDLE_LIMIT:
            # A client that did not keep up may have had it held back.
            connection.hold_back(False)
            connection.was_used = True
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle[connection.endpoint].append(connection)
        else:
            connection.abort()

    def keep_only(self, endpoints: Set[str]) -> None:
        """Keep connections to these workers, and close the idle ones to all others."""
        self._live = endpoints
        for endpoint in self._idle.keys() - endpoints:
            for connection in self._idle.pop(endpoint):
                connection.close()

    async def fetch(self, endpoint: str, path: str, seconds: float) -> bytes:
        """The body of a GET that a worker answers with 200.

        Raises:
            ConnectFailed: it did not, within `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                connection = await self.acquire(endpoint)
                try:
                    request = f"GET {path} HTTP/1.1\r\nhost: {endpoint}\r\n\r\n".encode()
                    head = await connection.send(request, b"", method="GET")
                    parts: list[bytes] = []
                    connection.relay(parts.append)
                    await connection.wait_until_done()
                except BaseException:
                    connection.abort()
                    raise
                finally:
                    self.release(connection)
        except (TimeoutError, ConnectionBroken) as error:
            raise ConnectFailed(f"{endpoint}{path}: {error or 'timed out'}") from error
        if head.status != 200:
            raise ConnectFailed(f"{endpoint}{path}: status {head.status}")
        return b"".join(parts)

    def _take_idle(self, endpoint: str, now: float) -> UpstreamConnection | None:
        idle = self._idle.get(endpoint)
        while idle:
            oldest = idle[0]
            if oldest.is_open and now - oldest.idle_since < _IDLE_SECONDS:
                break
            idle.popleft().close()
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    def _count_down(self, endpoint: str) -> None:
        self.busy[endpoint] -= 1
        if not self.busy[endpoint]:
            del self.busy[endpoint]
