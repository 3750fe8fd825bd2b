"""Tells others that a run has ended: at least once, with growing pauses, and not for ever."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from graphwarden.worker.egress import Allowed, BlockedHost, Target, check_url
from graphwarden.worker.encoding import dumps
from graphwarden.worker.errors import invalid

if TYPE_CHECKING:
    from graphwarden.worker.service import Service
    from graphwarden.worker.storage.deliveries import Delivery

logger = logging.getLogger(__name__)

DELIVERY_HEADER = "x-graphwarden-delivery"
_AT_ONCE = 20
# For all of it: name, connection, answer. Shorter than a delivery is claimed for.
_TIMEOUT_SECONDS = 10.0
_CHECK_SECONDS = 5.0
# 2, 4, 8 ... seconds: the last try comes about an hour after the first.
_ATTEMPTS = 12
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 1800.0
# Threads of their own: a name server that is slow must not hold those that nodes run in.
_RESOLVERS = ThreadPoolExecutor(8, "webhook-names")


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host."""
    loop = asyncio.get_running_loop()
    look = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await loop.run_in_executor(_RESOLVERS, look)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


async def require_target(url: str, allowed: Allowed) -> None:
    """Check a webhook when its run is created.

    Raises:
        ApiError: 422 with what is wrong with it.
    """
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check_url(url, allowed, resolve)
    except BlockedHost as problem:
        raise invalid(str(problem)) from problem
    except TimeoutError:
        raise invalid("Webhook host cannot be resolved in time") from None


def plan_pause(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after so many tries; None to give up. `chance` is from 0 to 1."""
    if attempts >= _ATTEMPTS:
        return None
    pause = min(_FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), _LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=pause * (0.5 + chance / 2))


class Webhooks:
    """Sends what is due, each on its own: a slow receiver keeps no other waiting."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sending: set[asyncio.Task[None]] = set()

    async def send_due(self) -> None:
        """Begin to send as many of those that are due as there is room for."""
        room = _AT_ONCE - len(self._sending)
        if room <= 0:
            return
        records = self._service.require_storage().deliveries
        for delivery in await records.claim(datetime.now(UTC), room):
            task = asyncio.create_task(self._send(delivery))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Its claim runs out, and it is sent again.
            logger.error("a delivery broke off", exc_info=task.exception())

    async def _send(self, delivery: Delivery) -> None:
        service = self._service
        records = service.require_storage().deliveries
        problem = await self._find_problem(delivery)
        extra: dict[str, Any] = {"run_id": delivery.run_id, "attempt": delivery.attempts}
        if problem is None:
            await records.drop(delivery.delivery_id)
            service.metrics.webhook_sent("delivered")
            logger.info("webhook delivered", extra=extra)
            return
        pause = plan_pause(delivery.attempts, random.random())  # noqa: S311 - jitter
        if pause is None:
            await records.drop(delivery.delivery_id)
            service.metrics.webhook_sent("dropped")
            logger.error("webhook given up: %s", problem, extra=extra)
            return
        await records.retry(delivery, datetime.now(UTC) + pause)
        service.metrics.webhook_sent("failed")
        logger.warning("webhook not delivered: %s", problem, extra=extra)

    async def _find_problem(self, delivery: Delivery) -> str | None:
        """Send it; why it was not taken, in words without its URL, or None."""
        if delivery.attempts > _ATTEMPTS:
            return "no worker lived to see it sent"
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                allowed = self._service.settings.webhook_allow
                target = await check_url(delivery.url, allowed, resolve)
                status = await _post(target, delivery)
        except BlockedHost as blocked:
            return str(blocked)
        except (OSError, ValueError, _http().HTTPError, _http().InvalidURL) as error:
            return type(error).__name__
        return None if 200 <= status < 300 else f"status {status}"


async def _post(target: Target, delivery: Delivery) -> int:
    """Send to the very address that was checked, with the name that was asked for."""
    address = f"[{target.address}]" if ":" in target.address else target.address
    payload = {**delivery.payload, "webhook_sent_at": datetime.now(UTC).isoformat()}
    headers = {
        "host": target.authority,
        "content-type": "application/json",
        "user-agent": "graphwarden",
        DELIVERY_HEADER: delivery.delivery_id,
    }
    trust: ssl.SSLContext | bool = False
    if target.scheme == "https":
        trust = await asyncio.to_thread(_load_trust)
    # A proxy would look the name up again, and reach what was not checked.
    async with (
        _http().AsyncClient(
            verify=trust, timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
        ) as client,
        client.stream(
            "POST",
            f"{target.scheme}://{address}:{target.port}{target.path}",
            content=dumps(payload),
            headers=headers,
            extensions={"sni_hostname": target.host},
        ) as answer,
    ):
        # What it says beyond the status is nobody's business, and may have no end.
        return int(answer.status_code)


@functools.cache
def _load_trust() -> ssl.SSLContext:
    """The certificate authorities, once: reading them takes a tenth of a second."""
    found: ssl.SSLContext = _http().create_ssl_context()
    return found


def _http() -> Any:
    """httpx, for workers that send something only."""
    import httpx

    return httpx
