"""What a request is about: a graph, a thread, shared records, or the router itself. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import msgspec

_T = TypeVar("_T")


class Target(Enum):
    """Who answers a request."""

    OWN = "own"
    BODY_ASSISTANT = "the assistant in the body"
    PATH_ASSISTANT = "the assistant in the path"
    THREAD = "the pool of the thread"
    STORAGE = "any pool with storage"
    NOWHERE = "nobody"
    WRONG_METHOD = "nobody, by this method"


@dataclass(frozen=True, slots=True)
class Route:
    """A target, and the id in the path that decides it."""

    target: Target
    name: str = ""
    allow: str = ""


class AssistantField(msgspec.Struct):
    """The one field of a run's body that routing needs; the rest is skipped."""

    assistant_id: str | None = None


class _ThreadMetadata(msgspec.Struct):
    graph_id: str | None = None


class _ThreadBody(msgspec.Struct):
    metadata: _ThreadMetadata | None = None


_RUN_CREATION = re.compile(
    r"/runs(/wait|/stream)?|/threads/[^/]+/runs(/wait|/stream)?|(/threads/[^/]+)?/runs/crons"
)
_PATH_ASSISTANT = re.compile(r"/assistants/([^/]+)/(?:graph|schemas|subgraphs(?:/[^/]*)?)")
_ASSISTANT = re.compile(r"/assistants/([^/]+)")
_THREAD = re.compile(r"/threads/([^/]+)(?:/.*)?")
_SHARED_THREADS = frozenset({"/threads", "/threads/search", "/threads/count", "/threads/prune"})
_STORAGE = re.compile(r"/store/.*|/runs/crons(/.*)?|/runs/[^/]+/(stream|join)|/runs/cancel")
_OWN = {
    "/": "GET",
    "/ok": "GET",
    "/info": "GET",
    "/live": "GET",
    "/ready": "GET",
    "/metrics": "GET",
    "/graphs": "GET",
    "/assistants/search": "POST",
    "/assistants/count": "POST",
}
ROUTES_BY_BODY = Target.BODY_ASSISTANT


def find_route(method: str, path: str) -> Route:
    """Who answers, by method and path (without the query)."""
    allowed = _OWN.get(path)
    if allowed is not None:
        if method == allowed or (allowed == "GET" and method == "HEAD"):
            return Route(Target.OWN, path)
        return Route(Target.WRONG_METHOD, path, allowed)
    if method == "POST" and _RUN_CREATION.fullmatch(path):
        return Route(Target.BODY_ASSISTANT, _thread_of(path))
    found = _PATH_ASSISTANT.fullmatch(path)
    if found:
        return Route(Target.PATH_ASSISTANT, found[1])
    found = _ASSISTANT.fullmatch(path)
    if found:
        if method in ("GET", "HEAD"):
            return Route(Target.OWN, path)
        return Route(Target.WRONG_METHOD, path, "GET")
    if path in _SHARED_THREADS or _STORAGE.fullmatch(path):
        return Route(Target.STORAGE, path)
    found = _THREAD.fullmatch(path)
    if found:
        return Route(Target.THREAD, found[1])
    if _RUN_CREATION.fullmatch(path):
        return Route(Target.WRONG_METHOD, path, "POST")
    return Route(Target.NOWHERE, path)


def decode_assistant(body: bytes) -> str | None:
    """The `assistant_id` of a run's body, or None when it has none.

    Raises:
        msgspec.DecodeError: the body is no JSON object, or the field is no string.
    """
    return _decode(body, AssistantField).assistant_id


def decode_thread_graph(body: bytes) -> str | None:
    """The graph that a new thread's metadata names, where it does."""
    try:
        thread = _decode(body, _ThreadBody)
    except msgspec.DecodeError:
        # The worker says what is wrong with it; routing only wanted a hint.
        return None
    return thread.metadata.graph_id if thread.metadata else None


def _decode(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"{error.reason} in a string") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def _thread_of(path: str) -> str:
    found = _THREAD.fullmatch(path)
    return found[1] if found else ""
