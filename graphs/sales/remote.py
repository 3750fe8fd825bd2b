"""Graphs of other pools, called through the router by assistant id.

    answer = await call_graph("icp_fit", {"company_id": "c1", "product_id": "desk"}, scope="p7")

The router's address is GRAPHWARDEN_URL, the key that it asks for LANGGRAPH_API_KEY. A call that the
fleet has no room for waits as long as the router says; one whose connection broke is sent again
under the same idempotency key, which makes it the same run where its worker is still there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from graphs.sales.spans import span

URL = "GRAPHWARDEN_URL"
KEY = "LANGGRAPH_API_KEY"
PATIENCE_SECONDS = 180.0

# Nobody was there, or nobody had room: 502 and 504 are a worker that went while it was asked.
_COMES_BACK = frozenset({429, 502, 503, 504})
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 15.0
_LONGEST_REASON = 300

Send = Callable[[LangGraphClient, Mapping[str, str]], Awaitable[Any]]


class RouterMissing(RuntimeError):
    """GRAPHWARDEN_URL is not set; the text says what to do."""


class CallFailed(Exception):
    """A graph gave no answer. `kind` is one word, such as ValueError or QueueFull."""

    def __init__(self, assistant_id: str, kind: str, reason: str) -> None:
        self.assistant_id = assistant_id
        self.kind = kind
        super().__init__(f"{assistant_id}: {kind}: {reason}"[:_LONGEST_REASON])


async def call_graph(
    assistant_id: str,
    given: Mapping[str, Any],
    *,
    scope: str,
    patience_seconds: float = PATIENCE_SECONDS,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """What a graph of any pool answers to one input.

    Args:
        scope: what the call is a part of, such as the id of a thread: within it the same input is
            the same call.
        patience_seconds: how long to wait, in all, for room or for a router that is away.

    Raises:
        CallFailed: it raised an error, is not there, or there was no room for that long.
        RouterMissing: nobody said where the router is.
    """

    async def send(client: LangGraphClient, headers: Mapping[str, str]) -> Any:
        return await client.runs.wait(
            None, assistant_id, input=dict(given), headers=headers, raise_error=False
        )

    key = make_key(scope, assistant_id, given)
    return read_answer(
        assistant_id, await _persist(assistant_id, send, key, patience_seconds, environment)
    )


async def call_thread(
    thread_id: str,
    assistant_id: str,
    given: Mapping[str, Any],
    *,
    scope: str,
    patience_seconds: float = PATIENCE_SECONDS,
    environment: Mapping[str, str] = os.environ,
) -> tuple[dict[str, Any], bool]:
    """Run a resumable graph on its thread until it ends or waits.

    Gives its answer, and whether this scope made the thread; also when the call is a repetition.
    Raises as `call_graph`.
    """

    async def make(client: LangGraphClient, headers: Mapping[str, str]) -> Any:
        return await client.threads.create(
            thread_id=thread_id,
            graph_id=assistant_id,
            metadata={"made_by": scope},
            if_exists="do_nothing",
            headers={name: value for name, value in headers.items() if name != "Idempotency-Key"},
        )

    async def send(client: LangGraphClient, headers: Mapping[str, str]) -> Any:
        return await client.runs.wait(
            thread_id, assistant_id, input=dict(given), headers=headers, raise_error=False
        )

    key = make_key(scope, assistant_id, given)
    rest = (key, patience_seconds, environment)
    thread = await _persist(assistant_id, make, *rest)
    answer = read_answer(assistant_id, await _persist(assistant_id, send, *rest))
    return answer, (thread.get("metadata") or {}).get("made_by") == scope


def make_key(scope: str, assistant_id: str, given: Mapping[str, Any]) -> str:
    """The idempotency key of a call: the same for the same input within a scope."""
    text = json.dumps([scope, assistant_id, given], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_answer(assistant_id: str, answer: Any) -> dict[str, Any]:
    """A run's output, without what the server adds.

    Raises:
        CallFailed: the graph raised an error.
    """
    if not isinstance(answer, dict):
        raise CallFailed(assistant_id, "NoAnswer", "the run ended without any output")
    error = answer.get("__error__")
    if error:
        raise CallFailed(assistant_id, str(error.get("error")), str(error.get("message")))
    return {name: value for name, value in answer.items() if name != "__interrupt__"}


def read_wait_seconds(response: httpx.Response, attempt: int) -> float | None:
    """How long to wait before the call is sent again; None when that would change nothing."""
    if response.status_code not in _COMES_BACK:
        return None
    told = response.headers.get("retry-after", "")
    return float(told) if told.isdecimal() else make_wait_seconds(attempt)


def make_wait_seconds(attempt: int) -> float:
    """A wait that doubles with each attempt, from 0."""
    return float(min(_FIRST_WAIT_SECONDS * 2 ** min(attempt, 16), _LONGEST_WAIT_SECONDS))


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], LangGraphClient]]
_clients = WeakKeyDictionary()


def open_client(environment: Mapping[str, str] = os.environ) -> LangGraphClient:
    """The router's client of this event loop; making one costs more than many calls.

    Raises:
        RouterMissing: nobody said where the router is.
    """
    url, key = environment.get(URL), environment.get(KEY) or ""
    if not url:
        raise RouterMissing(
            f"This graph calls others through the router: set {URL} to its address, such as "
            f"http://graphwarden-router, and {KEY} to a key of it, in the pool's environment."
        )
    known = _clients.setdefault(asyncio.get_running_loop(), {})
    if (url, key) not in known:
        known[url, key] = get_client(url=url, api_key=key or None)
    return known[url, key]


async def close_clients() -> None:
    """Close what this event loop has open."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.aclose()


async def _persist(
    assistant_id: str,
    send: Send,
    key: str,
    patience_seconds: float,
    environment: Mapping[str, str],
) -> Any:
    """Send a call until it is answered, or patience is at its end."""
    client, url = open_client(environment), environment[URL]
    labels = {"graphspec.assistant_id": assistant_id, "server.address": urlsplit(url).hostname}
    deadline = time.monotonic() + patience_seconds
    with span(f"call {assistant_id}", labels, kind="client") as calling:
        attempt = 0
        while True:
            try:
                return await send(client, {"Idempotency-Key": key})
            except httpx.HTTPStatusError as error:
                wait = read_wait_seconds(error.response, attempt)
                failure = await _read_failure(assistant_id, error.response)
            except httpx.TransportError as error:
                wait = make_wait_seconds(attempt)
                text = f"the router at {URL} was not reached"
                failure = CallFailed(assistant_id, type(error).__name__, text)
            if wait is None or time.monotonic() + wait > deadline:
                raise failure
            attempt += 1
            calling.event("waiting", {"kind": failure.kind, "seconds": wait})
            # Not all at once: whoever was sent away with us was told the same.
            await asyncio.sleep(wait * (1 + random.random() / 4))  # noqa: S311 - no secret


async def _read_failure(assistant_id: str, response: httpx.Response) -> CallFailed:
    try:
        body = json.loads(await response.aread())
    except (ValueError, httpx.StreamError):
        body = None
    told = body if isinstance(body, dict) else {}
    kind = str(told.get("reason") or f"HTTP{response.status_code}")
    return CallFailed(assistant_id, kind, str(told.get("detail") or response.reason_phrase))
