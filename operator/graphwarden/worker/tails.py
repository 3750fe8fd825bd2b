"""Reading a run's events from the database, while it runs anywhere and after it has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from graphwarden.worker.answers import EVENT_STREAM, begin, disconnected
from graphwarden.worker.channel import END_OF_RUN, name_mode
from graphwarden.worker.runs import Run
from graphwarden.worker.sse import HEARTBEAT, render_event

if TYPE_CHECKING:
    from graphwarden.worker.service import Service
    from graphwarden.worker.storage.events import StoredEvent

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.15
_ALWAYS = frozenset({"metadata", "error", "end"})


async def tail_run(
    service: Service, run: Run, after: int, modes: frozenset[str] | None
) -> AsyncIterator[bytes]:
    """The stored events of a run past a number, those that are still to come, and `end`.

    An empty piece means that nothing happened for a moment.
    """
    storage = service.require_storage()
    while True:
        # Asked before the events are read: whatever the run stored before its end is then seen.
        found = await storage.runs.fetch_run(run.thread_id, run.run_id)
        is_over = found is None or found.status not in ("pending", "running")
        news = wait_for_news(service, run.run_id)
        stored = await storage.events.read_run(run.run_id, after)
        for item in stored:
            after = item.seq
            if item.event != END_OF_RUN and (
                modes is None or name_mode(item.event) in modes | _ALWAYS
            ):
                yield render_stored(item)
        if stored:
            continue
        if is_over:
            yield render_event("end", b"null")
            return
        await news
        yield b""


def wait_for_news(service: Service, run_id: str) -> asyncio.Future[None]:
    """Ends with the run's next event, where it runs here, or after a short while."""
    handle = service.runs.find(run_id)
    channel = handle.channel if handle is not None else None
    return asyncio.ensure_future(_wait(channel.news if channel is not None else None))


async def _wait(news: asyncio.Event | None) -> None:
    if news is None:
        await asyncio.sleep(POLL_SECONDS)
        return
    try:
        async with asyncio.timeout(POLL_SECONDS):
            await news.wait()
    except TimeoutError:
        return


def render_stored(item: StoredEvent) -> bytes:
    """A stored event as it was sent first."""
    return render_event(item.event, item.data.encode(), str(item.seq))


class TailAnswer:
    """200 with pieces of a stream as they come, and a comment per heartbeat of silence."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        headers: dict[str, str],
        heartbeat_seconds: float,
    ) -> None:
        self._pieces = pieces
        self._headers = {**EVENT_STREAM, **headers}
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        await begin(send, self._headers)
        gone = asyncio.ensure_future(disconnected(receive))
        loop = asyncio.get_running_loop()
        last_sent = loop.time()
        try:
            async for piece in self._pieces:
                if gone.done():
                    return
                if not piece and loop.time() - last_sent < self._heartbeat_seconds:
                    continue
                body = piece or HEARTBEAT
                await send({"type": "http.response.body", "body": body, "more_body": True})
                last_sent = loop.time()
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            aclose = getattr(self._pieces, "aclose", None)
            if aclose is not None:
                await aclose()
