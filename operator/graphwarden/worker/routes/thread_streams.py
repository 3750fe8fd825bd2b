"""The events of a thread over all its runs, in the words of the first protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.worker.channel import END_OF_RUN
from graphwarden.worker.encoding import dumps
from graphwarden.worker.errors import invalid, unsupported
from graphwarden.worker.routes.bodies import get_service
from graphwarden.worker.routes.threads import fetch_thread
from graphwarden.worker.service import Service
from graphwarden.worker.sse import render_event
from graphwarden.worker.tails import TailAnswer, render_stored
from graphwarden.worker.thread_tails import require_readers_welcome, tail_thread

if TYPE_CHECKING:
    from graphwarden.worker.storage.events import StoredEvent

_MODES = ("run_modes", "lifecycle", "state_update")
_FROM_THE_START = ("-", "-1", "0")


async def stream_thread(request: Request) -> ASGIApp:
    """`GET /threads/{thread_id}/stream`: the events of all its runs that keep theirs."""
    service = get_service(request)
    thread = await fetch_thread(request)
    modes = _parse_modes(request)
    require_readers_welcome(service)
    after = _parse_last_event(request)
    if after is None:
        # Nothing of the past was asked for.
        after = await service.require_storage().events.find_last(thread.thread_id)
    pieces = _follow(service, thread.thread_id, after, whole="run_modes" in modes)
    return TailAnswer(pieces, {}, service.settings.heartbeat_seconds)


async def _follow(
    service: Service, thread_id: str, after: int, *, whole: bool
) -> AsyncIterator[bytes]:
    async for stored in tail_thread(service, thread_id, after):
        yield b"".join(_render(item, whole=whole) for item in stored)


def _render(item: StoredEvent, *, whole: bool) -> bytes:
    if item.event == END_OF_RUN:
        told = {"status": "run_done", "run_id": item.run_id}
        return render_event("metadata", dumps(told), str(item.seq))
    return render_stored(item) if whole or item.event == "metadata" else b""


def _parse_modes(request: Request) -> frozenset[str]:
    query = request.query_params
    asked = query.getlist("stream_mode") + query.getlist("stream_modes")
    modes = [mode for item in asked for mode in item.split(",")] or ["run_modes"]
    for mode in modes:
        if mode not in _MODES:
            raise invalid(f"{mode!r} is no mode of a thread's stream; choose {', '.join(_MODES)}")
    if "state_update" in modes:
        raise unsupported("stream_mode", "changes of a state outside of runs leave no event")
    return frozenset(modes)


def _parse_last_event(request: Request) -> int | None:
    value = request.headers.get("last-event-id")
    if value is None:
        return None
    if value in _FROM_THE_START:
        return 0
    if not value.isdigit():
        raise invalid("`Last-Event-ID` must be the id of an event of this thread, or -")
    return int(value)


ROUTES = [Route("/threads/{thread_id}/stream", stream_thread, methods=["GET"])]
