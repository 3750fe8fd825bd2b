"""What a request is about: a graph, a thread, shared records, or the router itself. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import msgspec

from graphwarden.api import mcp

_T = TypeVar("_T")


class Target(Enum):
    """Who answers a request."""

    OWN = "own"
    BODY_ASSISTANT = "the assistant in the body"
    PATH_ASSISTANT = "the assistant in the path"
    THREAD = "the pool of the thread"
    COMMAND = "the assistant that a command starts, or the pool of the thread"
    PAGE = "the graph that is a page, open to everybody"
    TOOLS = "the router, or the assistant that is called as a tool"
    TOOL = "the assistant named as a tool"
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


class _Command(msgspec.Struct):
    params: AssistantField | None = None


class _ThreadMetadata(msgspec.Struct):
    graph_id: str | None = None


class _ThreadBody(msgspec.Struct):
    metadata: _ThreadMetadata | None = None


_RUN_CREATION = re.compile(
    r"/runs(/wait|/stream)?|/threads/[^/]+/runs(/wait|/stream)?|(/threads/[^/]+)?/runs/crons"
)
_WATCH = re.compile(
    r"(/threads/[^/]+)?/runs/[^/]+/(stream|join|cancel)"
    r"|/threads/[^/]+/stream(/events)?|/runs/cancel"
)
_PATH_ASSISTANT = re.compile(r"/assistants/([^/]+)/(?:graph|schemas|subgraphs(?:/[^/]*)?)")
_ASSISTANT = re.compile(r"/assistants/([^/]+)")
_ASSISTANT_VERSIONS = re.compile(r"/assistants/[^/]+/(versions|latest)")
_PAGE = re.compile(r"/pages/([a-z0-9_-]+)")
_COMMANDS = re.compile(r"/threads/([^/]+)/commands")
_THREAD = re.compile(r"/threads/([^/]+)(?:/.*)?")
_SHARED_THREADS = frozenset({"/threads", "/threads/search", "/threads/count", "/threads/prune"})
_STORAGE = re.compile(
    r"/store/.*|/runs/crons(/.*)?|/runs/[^/]+/(stream|join)|/runs/cancel|/openapi\.json|/docs"
)
_LONG_BYTES = 16 * 2**10
_END_BYTES = 1024
_BEGINNING = re.compile(rb'\s*\{\s*"assistant_id"\s*:\s*"([0-9A-Za-z_-]{1,128})"\s*[,}]')
_OWN = {
    "/": "GET",
    "/ok": "GET",
    "/info": "GET",
    "/live": "GET",
    "/ready": "GET",
    "/metrics": "GET",
    "/graphs": "GET",
    "/traces": "GET",
    "/runs/batch": "POST",
    "/assistants": "POST",
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
    if path.startswith("/traces/"):
        return Route(Target.OWN if method in ("GET", "HEAD") else Target.WRONG_METHOD, path, "GET")
    if path == mcp.PATH:
        if method in ("POST", "DELETE"):
            return Route(Target.TOOLS if method == "POST" else Target.OWN, path)
        return Route(Target.WRONG_METHOD, path, "POST")
    if method == "POST" and _RUN_CREATION.fullmatch(path):
        return Route(Target.BODY_ASSISTANT, _thread_of(path))
    found = _PAGE.fullmatch(path)
    if found:
        return Route(Target.PAGE, found[1])
    found = _PATH_ASSISTANT.fullmatch(path)
    if found:
        return Route(Target.PATH_ASSISTANT, found[1])
    found = _ASSISTANT.fullmatch(path)
    if found:
        if method in ("GET", "HEAD", "PATCH", "DELETE"):
            return Route(Target.OWN, path)
        return Route(Target.WRONG_METHOD, path, "GET, PATCH, DELETE")
    if _ASSISTANT_VERSIONS.fullmatch(path):
        if method == "POST":
            return Route(Target.OWN, path)
        return Route(Target.WRONG_METHOD, path, "POST")
    if path in _SHARED_THREADS or _STORAGE.fullmatch(path):
        return Route(Target.STORAGE, path)
    found = _COMMANDS.fullmatch(path)
    if found:
        if method == "POST":
            return Route(Target.COMMAND, found[1])
        return Route(Target.WRONG_METHOD, path, "POST")
    found = _THREAD.fullmatch(path)
    if found:
        return Route(Target.THREAD, found[1])
    if _RUN_CREATION.fullmatch(path):
        return Route(Target.WRONG_METHOD, path, "POST")
    return Route(Target.NOWHERE, path)


def only_watches(path: str) -> bool:
    """Whether a call looks at runs or ends them: it may last long, and starts nothing."""
    return _WATCH.fullmatch(path) is not None


def decode_assistant(body: bytes | memoryview) -> str | None:
    """The `assistant_id` of a run's body, or None when it has none.

    Of a long body the end is looked at first, where the SDKs write it; the worker judges the rest.

    Raises:
        msgspec.DecodeError: the body is no JSON object, or the field is no string.
    """
    found = _find_at_end(body) if len(body) > _LONG_BYTES else None
    return _decode(body, AssistantField).assistant_id if found is None else found


def _find_at_end(body: bytes | memoryview) -> str | None:
    """The `assistant_id` among the last keys of a JSON object, or None where that is not certain.

    Behind a quote that no backslash escapes a string begins or ends, and none can end before these
    letters: they are a whole string. When an object that begins with it ends where the body does,
    it is one of the outermost object's keys; and of two equal keys the last counts.
    """
    end = bytes(body[-_END_BYTES:])
    at = end.rfind(b'"assistant_id"')
    if at < 1 or end[at - 1 : at] == b"\\":
        return None
    try:
        return _decode(b"{" + end[at:], AssistantField).assistant_id
    except msgspec.DecodeError:
        return None


def find_at_start(beginning: bytes) -> str | None:
    """The `assistant_id` that a run's body begins with, or None.

    Another one may follow: whoever goes by this has the worker compare.
    """
    found = _BEGINNING.match(beginning)
    return found[1].decode() if found else None


def decode_command_assistant(body: bytes) -> str | None:
    """The assistant that a command names, where it starts a run."""
    try:
        command = _decode(body, _Command)
    except msgspec.DecodeError:
        # The worker says what is wrong with it.
        return None
    return command.params.assistant_id if command.params else None


def decode_thread_graph(body: bytes) -> str | None:
    """The graph that a new thread's metadata names, where it does."""
    try:
        thread = _decode(body, _ThreadBody)
    except msgspec.DecodeError:
        # The worker says what is wrong with it; routing only wanted a hint.
        return None
    return thread.metadata.graph_id if thread.metadata else None


def _decode(body: bytes | memoryview, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"{error.reason} in a string") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def _thread_of(path: str) -> str:
    found = _THREAD.fullmatch(path)
    return found[1] if found else ""
