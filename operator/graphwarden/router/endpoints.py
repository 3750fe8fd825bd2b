"""The workers of every pool: connections that are kept and used again, and who is how busy."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque

from graphwarden.router.breaker import Breakers
from graphwarden.router.upstream import ConnectionBroken, ResponseHead, UpstreamConnection

CONNECT_SECONDS = 3.0
# Workers close idle connections after 75 s; we let go well before, so that no request is written
# to a connection that is being closed.
_IDLE_SECONDS = 30.0
_IDLE_LIMIT = 256


class ConnectFailed(Exception):
    """Nothing was sent: there is no such worker, or it does not answer (`late`)."""

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


class Upstreams:
    """Idle connections and calls in flight, per endpoint (`host:port`)."""

    def __init__(self) -> None:
        self._live: frozenset[str] = frozenset()
        self.busy: defaultdict[str, int] = defaultdict(int)
        self.breakers = Breakers()
        self._idle: defaultdict[str, deque[UpstreamConnection]] = defaultdict(deque)

    async def acquire(self, endpoint: str) -> UpstreamConnection:
        """An idle connection, or a new one. The endpoint counts as busy until `release`.

        Raises:
            ConnectFailed: nothing was sent.
        """
        connection = self.take_idle(endpoint)
        if connection is not None:
            return connection
        loop = asyncio.get_running_loop()
        host, _, port = endpoint.rpartition(":")
        self.busy[endpoint] += 1
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(endpoint), host.strip("[]"), int(port)
                )
        except (OSError, TimeoutError) as error:
            self._count_down(endpoint)
            late = isinstance(error, TimeoutError)
            raise ConnectFailed(f"{endpoint}: {error or 'timed out'}", late=late) from error
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
            connection.idle_since = time.monotonic()
            self._idle[connection.endpoint].append(connection)
        else:
            connection.abort()

    def keep_only(self, endpoints: frozenset[str]) -> None:
        """Keep connections to these workers, and close the idle ones to all others."""
        self._live = endpoints
        self.breakers.keep_only(endpoints)
        for endpoint in self._idle.keys() - endpoints:
            for connection in self._idle.pop(endpoint):
                connection.close()

    async def fetch(self, endpoint: str, path: str, seconds: float) -> bytes:
        """The body of a GET that a worker answers with 200.

        Raises:
            ConnectFailed: it did not, within `seconds`.
        """
        request = f"GET {path} HTTP/1.1\r\nhost: {endpoint}\r\n\r\n".encode()
        try:
            head, body = await self.ask(endpoint, "GET", request, b"", seconds)
        except (TimeoutError, ConnectionBroken) as error:
            raise ConnectFailed(f"{endpoint}{path}: {error or 'timed out'}") from error
        if head.status != 200:
            raise ConnectFailed(f"{endpoint}{path}: status {head.status}")
        return body

    async def ask(
        self, endpoint: str, method: str, head: bytes, body: bytes, seconds: float
    ) -> tuple[ResponseHead, bytes]:
        """A whole answer of a worker to a call of the router's own.

        Raises:
            ConnectFailed: nothing was sent.
            ConnectionBroken: the worker went away before the end of its answer.
            TimeoutError: it took longer than `seconds`.
        """
        async with asyncio.timeout(seconds):
            connection = await self.acquire(endpoint)
            try:
                answer = await connection.send(head, body, method=method)
                parts: list[bytes] = []
                connection.relay(parts.append)
                await connection.wait_until_done()
            except BaseException:
                connection.abort()
                raise
            finally:
                self.release(connection)
        return answer, b"".join(parts)

    def take_idle(self, endpoint: str) -> UpstreamConnection | None:
        """A connection that is at hand, which counts as busy until `release`, or None."""
        idle = self._idle.get(endpoint)
        now = time.monotonic()
        while idle:
            oldest = idle[0]
            if oldest.is_open and now - oldest.idle_since < _IDLE_SECONDS:
                break
            idle.popleft().close()
        while idle:
            connection = idle.pop()
            if connection.is_open:
                self.busy[endpoint] += 1
                return connection
        return None

    def _count_down(self, endpoint: str) -> None:
        self.busy[endpoint] -= 1
        if not self.busy[endpoint]:
            del self.busy[endpoint]
