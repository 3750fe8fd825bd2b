"""The header `Idempotency-Key`: a call that is sent again gets the run of the first one.

As in draft-ietf-httpapi-idempotency-key-header-07: the same key with another request is an error.
Runs that are stored carry the key in the database, so that it holds on every worker; those that are
not are remembered by the worker alone, to which the router sends all calls with one key.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from graphwarden.api.errors import Reason
from graphwarden.worker.channel import Channel, tell_outcome
from graphwarden.worker.errors import ApiError, invalid
from graphwarden.worker.inflight import RunHandle
from graphwarden.worker.runs import Outcome, Run

# How long a key is good for.
KEY_KEPT = timedelta(hours=24)
_REMEMBERED_SECONDS = 600.0
_REMEMBERED_RUNS = 1000
_LONGEST_KEY = 255


def parse_key(value: str | None, scope: str = "") -> str | None:
    """The digest under which a key is kept; None without one.

    Args:
        value: the header.
        scope: the thread of the call; the same key on two threads is two keys.

    Raises:
        ApiError: 422 when it is empty, too long, or not made of visible ASCII characters.
    """
    if value is None:
        return None
    if not 0 < len(value) <= _LONGEST_KEY or not all("!" <= sign <= "~" for sign in value):
        raise invalid(f"`Idempotency-Key` must be 1 to {_LONGEST_KEY} visible ASCII characters")
    return hashlib.sha256(f"{scope}\n{value}".encode()).hexdigest()


def asks_the_same(first: Run, other: Run) -> bool:
    """Whether two calls with one key may share a run."""
    return first.graph_id == other.graph_id and first.kwargs_digest == other.kwargs_digest


def key_reused() -> ApiError:
    """422: sharing the first run would answer another question than the one asked."""
    detail = "this `Idempotency-Key` was used for another request; use a new key for a new request"
    return ApiError(422, Reason.IDEMPOTENCY_KEY_REUSED, detail)


@dataclass(frozen=True, slots=True)
class _Call:
    digest: str
    handle: RunHandle
    since: float


class Remembered:
    """The runs of this worker that came with a key and are not stored."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    def add(self, key: str, digest: str, handle: RunHandle) -> None:
        """A run that began."""
        self._calls[key] = _Call(digest, handle, self._clock())
        self._forget()

    def find(self, key: str, digest: str) -> RunHandle | None:
        """The run that began with this key, whether it has ended or not.

        Raises:
            ApiError: 422 when the key was used for another request.
        """
        self._forget()
        call = self._calls.get(key)
        if call is None:
            return None
        if call.handle.task.done() and call.handle.task.cancelled():
            # It never came to an end that could be told.
            del self._calls[key]
            return None
        if call.digest != digest:
            raise key_reused()
        return call.handle

    def _forget(self) -> None:
        before = self._clock() - _REMEMBERED_SECONDS
        while self._calls:
            key, call = next(iter(self._calls.items()))
            if call.since > before and len(self._calls) <= _REMEMBERED_RUNS:
                return
            del self._calls[key]


def repeat(first: RunHandle, channel: Channel | None) -> RunHandle:
    """The same run for one more caller, who cannot stop it."""
    handle = RunHandle(first.run_id, first.thread_id, channel=channel)
    handle.is_repeat = True
    handle.begin(_follow(first, channel))
    return handle


async def _follow(first: RunHandle, channel: Channel | None) -> Outcome:
    outcome = await asyncio.shield(first.task)
    if channel is not None:
        await tell_outcome(channel, first.run_id, 1, outcome)
    return outcome
