"""Commands of the thread protocol: read, and their answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The run's modes: each is a channel of the protocol, or becomes some.
_MODES = [
    "values",
    "updates",
    "messages-tuple",
    "custom",
    "tasks",
    "checkpoints",
    "tools",
]
_START_FIELDS = (
    "assistant_id",
    "input",
    "config",
    "context",
    "metadata",
    "multitask_strategy",
    "durability",
    "langsmith_tracer",
)
_FORK_FIELDS = ("checkpoint_id", "checkpoint_ns", "checkpoint_map")
_RESPOND_FIELDS = ("config", "metadata")
_MALFORMED = "Protocol commands must include an integer id and string method."
_NO_SOCKET = "subscriptions need a WebSocket, which is not served; POST to stream/events instead"


class Malformed(Exception):
    """A body that is no command."""

    def __init__(self) -> None:
        super().__init__(_MALFORMED)


class Refused(Exception):
    """A command that cannot be done: the protocol's word for why, and a sentence."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Command:
    """One command, with the number that its answer carries."""

    number: int
    method: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What `input.respond` answers: values by interrupt id, and what goes with them."""

    answers: dict[str, Any]
    body: dict[str, Any]


def parse_command(body: Any) -> Command:
    """The command in a body.

    Raises:
        Malformed: there is none.
    """
    number = body.get("id") if isinstance(body, dict) else None
    method = body.get("method") if isinstance(body, dict) else None
    if type(number) is not int or not isinstance(method, str):
        raise Malformed
    return Command(number, method, body.get("params") or {})


def refuse(command: Command) -> Refused:
    """Why a command that nobody serves is refused."""
    if command.method == "subscription.subscribe" and not command.params.get("channels"):
        message = "subscription.subscribe requires a non-empty channels array."
        return Refused("invalid_argument", message)
    if command.method in ("subscription.subscribe", "subscription.unsubscribe"):
        return Refused("not_supported", _NO_SOCKET)
    return Refused("unknown_command", f"Unknown protocol command: {command.method}")


def make_start(params: Mapping[str, Any], *, waits: bool) -> dict[str, Any]:
    """The body of the run that `run.start` asks for.

    Args:
        params: of the command.
        waits: whether the thread waits for an answer, which the input is then.

    Raises:
        Refused: no assistant is named.
    """
    if not params.get("assistant_id"):
        raise Refused("invalid_argument", "run.start requires an assistant_id.")
    body = {name: params[name] for name in _START_FIELDS if params.get(name) is not None}
    if waits and "input" in body:
        body["command"] = {"resume": body.pop("input")}
    return _finish_body(_take_fork(body))


def parse_response(params: Mapping[str, Any]) -> Response:
    """One answer, or several under `responses`.

    Raises:
        Refused: it answers nothing that could be named.
    """
    several = params.get("responses")
    entries = several if isinstance(several, list) and several else [params]
    answers = {}
    for entry in entries:
        name = entry.get("interrupt_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "response" not in entry:
            message = "input.respond requires an interrupt_id and a response."
            raise Refused("invalid_argument", message)
        answers[name] = entry["response"]
    told = {part: params[part] for part in ("update", "goto") if params.get(part) is not None}
    body = {name: params[name] for name in _RESPOND_FIELDS if params.get(name) is not None}
    return Response(answers, {**body, "command": {"resume": answers, **told}})


def make_resumption(response: Response, assistant_id: str) -> dict[str, Any]:
    """The body of the run that goes on with the answers."""
    return _finish_body({**response.body, "assistant_id": assistant_id})


def render_success(number: int, result: dict[str, Any]) -> dict[str, Any]:
    """The answer to a command that was done.

    Nothing is said to be applied: a client would take frames up to that number for seen.
    """
    meta = {"applied_through_seq": 0}
    return {"type": "success", "id": number, "result": result, "meta": meta}


def render_error(number: int | None, error: str, message: str) -> dict[str, Any]:
    """The answer to a command that was not done."""
    return {"type": "error", "id": number, "error": error, "message": message}


def _finish_body(body: dict[str, Any]) -> dict[str, Any]:
    return {
        **body,
        "if_not_exists": "create",
        "stream_mode": _MODES,
        "stream_subgraphs": True,
        "stream_resumable": True,
    }


def _take_fork(body: dict[str, Any]) -> dict[str, Any]:
    """The body with the checkpoint to fork from in its own field: clients put it in the config."""
    config = body.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("configurable"), dict):
        return body
    configurable = config["configurable"]
    place = {name: configurable[name] for name in _FORK_FIELDS if configurable.get(name)}
    rest = {
        name: value
        for name, value in configurable.items()
        if name not in (*_FORK_FIELDS, "thread_id")
    }
    return {**body, "config": {**config, "configurable": rest}, "checkpoint": place}
