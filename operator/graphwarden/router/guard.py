"""The way in: who calls, asked before anything else is done with a request."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from graphwarden.router.access import (
    ANYBODY,
    OPEN_PATHS,
    BrokenKey,
    Caller,
    Keys,
    forbidden,
    parse_key,
    read_bearer,
    unauthenticated,
)
from graphwarden.router.request import Request

log = logging.getLogger(__name__)

Mode = Literal["none", "keys", "token-review"]
# The name of whom a token is, or None when it is nobody's.
Review = Callable[[str], Awaitable[str | None]]

_LOOK_SECONDS = 1.0
_REVIEW_SECONDS = 60.0
_REVIEWS_KEPT = 4096
_PRESENTED = (b"x-api-key", b"authorization")


class Guard:
    """Lets callers in, by keys or by tokens of a cluster; with mode `none` everybody."""

    def __init__(self, mode: Mode = "none", review: Review | None = None) -> None:
        self.mode = mode
        self.keys = Keys()
        self._review = review
        self._reviewed: OrderedDict[bytes, tuple[float, str | None]] = OrderedDict()

    async def admit(self, request: Request) -> Caller:
        """Whoever calls. What was presented does not go on to a worker.

        Raises:
            RouterError: 401.
        """
        if self.mode == "none" or request.path in OPEN_PATHS:
            return ANYBODY
        bearer = read_bearer(request.header(b"authorization"))
        presented = (request.header(b"x-api-key") or bearer) if self.mode == "keys" else bearer
        self.strip(request)
        if not presented:
            how = "x-api-key or as a bearer token" if self.mode == "keys" else "authorization"
            raise unauthenticated(f"this call needs credentials: send them in {how}")
        caller = self.keys.find(presented)
        if self.mode == "token-review":
            name = await self._find_reviewed(presented)
            caller = Caller(name) if name is not None else None
        if caller is None:
            raise unauthenticated("these credentials are not known here")
        return caller

    def strip(self, request: Request) -> None:
        """Take out what a worker must not see."""
        if self.mode != "none":
            request.headers = [pair for pair in request.headers if pair[0] not in _PRESENTED]

    def find(self, presented: str) -> Caller | None:
        """The caller of a key, where keys are what counts."""
        return self.keys.find(presented) if self.mode == "keys" else None

    async def _find_reviewed(self, token: str) -> str | None:
        digest = hashlib.sha256(token.encode("latin-1", "replace")).digest()
        known = self._reviewed.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        assert self._review is not None, "the mode has its reviewer"
        name = await self._review(token)
        self._reviewed[digest] = (time.monotonic() + _REVIEW_SECONDS, name)
        if len(self._reviewed) > _REVIEWS_KEPT:
            self._reviewed.popitem(last=False)
        return name


def check(caller: Caller, assistant: str) -> None:
    """Whether a caller may make a call.

    Raises:
        RouterError: 403.
    """
    if not caller.may_run(assistant):
        raise forbidden(caller, assistant)


async def follow_keys(folder: Path, guard: Guard) -> None:
    """Read the keys of a folder, and again whenever it changes. What is broken changes nothing."""
    seen: object = None
    while True:
        try:
            now = _fingerprint(folder)
            if now != seen:
                seen = now
                guard.keys = read_keys(folder)
                log.info("keys read", extra={"keys": len(guard.keys.by_digest)})
        except (OSError, BrokenKey) as error:
            log.error("keys in %s are not usable, the last good ones stay: %s", folder, error)
        await asyncio.sleep(_LOOK_SECONDS)


def read_keys(folder: Path) -> Keys:
    """All key files of a folder, such as a mounted Secret.

    Raises:
        OSError: a file cannot be read.
        BrokenKey: one is no key.
    """
    found: dict[bytes, tuple[bytes, Caller]] = {}
    for path in _list_files(folder):
        try:
            found |= parse_key(path.name, path.read_text())
        except (BrokenKey, UnicodeDecodeError) as error:
            raise BrokenKey(f"{path.name}: {error}") from None
    return Keys(found)


def _list_files(folder: Path) -> list[Path]:
    # Kubernetes keeps its own bookkeeping of a mounted Secret beside the files, as `..data`.
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file())


def _fingerprint(folder: Path) -> object:
    stats = [(path.name, os.stat(path)) for path in _list_files(folder)]
    return [(name, s.st_ino, s.st_mtime_ns, s.st_size) for name, s in stats]
