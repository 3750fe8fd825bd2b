"""Answers under `/console`: the page for everybody, and what the fleet does for those who may call.

The page holds no secret and asks for a key where the router does. What it shows it gets by the
calls that anybody else would make; only `/console/events` is its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from graphwarden.api.errors import Reason
from graphwarden.router.answers import render_answer, render_stream_head
from graphwarden.router.chunks import make_chunk
from graphwarden.router.console.assets import PREFIX, load_assets
from graphwarden.router.errors import RouterError, retry_later
from graphwarden.router.protocol import ClientProtocol
from graphwarden.router.request import Request

EVENTS = f"{PREFIX}/events"
_LOOK_SECONDS = 1.0
_HEARTBEAT_SECONDS = 15.0
# Each of them costs a look a second, which they share, and a connection.
_MOST_VIEWERS = 50

Look = Callable[[], Awaitable[dict[str, Any]]]


class Console:
    """The page, and a stream of the fleet's state to each page that is open."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._assets = load_assets()
        self._viewers = 0
        self._looking = asyncio.Lock()
        self._seen: tuple[float, bytes] = (-_LOOK_SECONDS, b"")

    def has(self, path: str) -> bool:
        """Whether a path is the console's."""
        return path == PREFIX or path.startswith(PREFIX + "/")

    def show(self, request: Request, trace_id: str) -> bytes:
        """The whole answer to a call of the page or of one of its files.

        Raises:
            RouterError: 404, 405.
        """
        if request.method not in ("GET", "HEAD"):
            detail = f"{request.path} is served by GET"
            raise RouterError(405, Reason.METHOD_NOT_ALLOWED, detail, {"allow": "GET"})
        if request.path == PREFIX:
            # Relative, so that it also leads there behind a proxy with a path of its own.
            return render_answer(request, 308, b"", trace_id, {"location": "console/"})
        asset = self._assets.get(request.path)
        if asset is None:
            raise RouterError(404, Reason.NOT_FOUND, "Not Found")
        if request.header(b"if-none-match") == asset.headers["etag"]:
            return render_answer(request, 304, b"", trace_id, asset.headers)
        return render_answer(request, 200, asset.body, trace_id, asset.headers)

    async def stream(self, request: Request, client: ClientProtocol, trace_id: str) -> None:
        """Tell the fleet's state whenever it changes, until the reader leaves or the router ends.

        Raises:
            RouterError: 405, or 429 when too many read already.
        """
        if request.method != "GET":
            detail = f"{EVENTS} is served by GET"
            raise RouterError(405, Reason.METHOD_NOT_ALLOWED, detail, {"allow": "GET"})
        if self._viewers >= _MOST_VIEWERS:
            detail = f"{_MOST_VIEWERS} pages of the console are open at this router; close one"
            raise retry_later(429, Reason.TOO_MANY_CONNECTIONS, detail, 10)
        self._viewers += 1
        try:
            client.answered = True
            client.write(render_stream_head(request, trace_id))
            await self._tell(client)
            client.write(b"0\r\n\r\n")
        finally:
            self._viewers -= 1

    async def _tell(self, client: ClientProtocol) -> None:
        told, said = b"", time.monotonic()
        while not client.leaving:
            view = await self._find_view()
            now = time.monotonic()
            if view != told:
                client.writelines(make_chunk(b"event: fleet\r\ndata: %b\r\n\r\n" % view))
                told, said = view, now
            elif now - said >= _HEARTBEAT_SECONDS:
                client.writelines(make_chunk(b": heartbeat\r\n\r\n"))
                said = now
            await client.until_writable()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _find_view(self) -> bytes:
        """The state by now, looked at once a second for all readers together."""
        async with self._looking:
            at, view = self._seen
            if time.monotonic() - at >= _LOOK_SECONDS:
                found = json.dumps(await self._look(), ensure_ascii=False, separators=(",", ":"))
                view = found.encode()
                self._seen = (time.monotonic(), view)
            return view
