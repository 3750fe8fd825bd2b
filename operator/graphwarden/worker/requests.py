"""The body of a run request, checked. Pure: JSON values in, a `RunRequest` or an error out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.types import Command, Send

from graphwarden.api.errors import Reason
from graphwarden.worker.encoding import dumps
from graphwarden.worker.errors import ApiError, invalid, unsupported

Durability = Literal["sync", "async", "exit"]

STREAM_MODES = (
    "values",
    "updates",
    "messages",
    "messages-tuple",
    "custom",
    "events",
    "tasks",
    "checkpoints",
    "debug",
    "tools",
)
# Known to LangGraph's API, not served here: dropping them silently would break a promise.
_UNSUPPORTED = {
    "feedback_keys": "no feedback service is attached",
    "langsmith_tracer": "set the tracing environment of the pool instead",
    "strict_resume": "the answer goes to the interrupt that waits",
}
_LONGEST_DELAY_SECONDS = 366 * 24 * 3600
CHOICES = {
    "durability": ("sync", "async", "exit"),
    "multitask_strategy": ("enqueue", "reject", "interrupt", "rollback"),
    "if_not_exists": ("reject", "create"),
    "on_disconnect": ("continue", "cancel"),
    "on_completion": ("delete", "keep"),
}
_BOTH_CONTEXTS = (
    "Cannot specify both configurable and context. Prefer setting context alone. Context was "
    "introduced in LangGraph 0.6.0 and is the long term planned replacement for configurable."
)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a caller asks of a graph, in the words of LangGraph's API."""

    assistant_id: str
    input: Any = None
    command: dict[str, Any] | None = None
    stream_modes: tuple[str, ...] = ("values",)
    stream_subgraphs: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    checkpoint: dict[str, Any] = field(default_factory=dict)
    interrupt_before: list[str] | Literal["*"] | None = None
    interrupt_after: list[str] | Literal["*"] | None = None
    durability: Durability = "sync"
    multitask_strategy: str = "enqueue"
    if_not_exists: str = "reject"
    on_disconnect: str = "continue"
    on_completion: str | None = None
    stream_resumable: bool = False
    webhook: str | None = None
    after_seconds: float = 0.0

    def to_kwargs(self) -> dict[str, Any]:
        """All that decides a run's result, as JSON values."""
        return {
            "input": self.input,
            "command": self.command,
            "config": self.config,
            "context": self.context,
            "checkpoint": self.checkpoint,
            "interrupt_before": self.interrupt_before,
            "interrupt_after": self.interrupt_after,
            "durability": self.durability,
        }

    def to_stored(self) -> dict[str, Any]:
        """What is stored with a run, so that another worker can run it."""
        return {
            **self.to_kwargs(),
            "stream_mode": list(self.stream_modes),
            "stream_subgraphs": self.stream_subgraphs,
            "stream_resumable": self.stream_resumable,
            "on_completion": self.on_completion,
            "webhook": self.webhook,
        }

    def digest(self) -> str:
        """One text for one call: equal for two requests that ask the same of the same graph."""
        call = {"assistant_id": self.assistant_id, **self.to_kwargs()}
        return hashlib.sha256(dumps(_sorted(call))).hexdigest()

    def graph_input(self) -> Any:
        """What LangGraph takes as input: the input itself, or a command."""
        return self.input if self.command is None else make_command(self.command)


def restore_request(
    assistant_id: str, kwargs: dict[str, Any], metadata: dict[str, Any]
) -> RunRequest:
    """The request of a stored run, so that another worker can finish it."""
    known = {name: value for name, value in kwargs.items() if name != "stream_mode"}
    modes = tuple(kwargs.get("stream_mode") or ("values",))
    return RunRequest(assistant_id=assistant_id, metadata=metadata, stream_modes=modes, **known)


def parse_run_request(body: Any, *, on_thread: bool) -> RunRequest:
    """Check the body of a run request.

    Args:
        body: the JSON value of the request.
        on_thread: whether the request names a thread.

    Raises:
        ApiError: 400 or 422 with the field at fault.
    """
    if not isinstance(body, dict):
        raise invalid("the request body must be a JSON object")
    _refuse_unsupported(body)
    config, context = parse_contexts(body)
    command = _parse_command(body, on_thread)
    return RunRequest(
        assistant_id=_parse_assistant_id(body),
        input=body.get("input"),
        command=command,
        stream_modes=parse_stream_modes(body.get("stream_mode")),
        stream_subgraphs=bool(body.get("stream_subgraphs")),
        config=config,
        context=context,
        metadata=_parse_object(body, "metadata"),
        checkpoint=_parse_checkpoint(body, on_thread),
        interrupt_before=_parse_node_names(body, "interrupt_before"),
        interrupt_after=_parse_node_names(body, "interrupt_after"),
        durability=_parse_durability(body),
        multitask_strategy=_parse_choice(body, "multitask_strategy") or "enqueue",
        if_not_exists=_parse_choice(body, "if_not_exists") or "reject",
        on_disconnect=_parse_choice(body, "on_disconnect") or "continue",
        on_completion=_parse_choice(body, "on_completion"),
        stream_resumable=bool(body.get("stream_resumable")),
        webhook=_parse_webhook(body),
        after_seconds=_parse_delay(body),
    )


def parse_stream_modes(value: Any) -> tuple[str, ...]:
    """The requested stream modes, each once and in order; `values` when nothing is asked."""
    modes = ["values"] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(modes, list) or not modes:
        raise invalid("`stream_mode` must be a stream mode or a list of them")
    for mode in modes:
        if mode not in STREAM_MODES:
            raise invalid(f"{mode!r} is not a stream mode; choose from {', '.join(STREAM_MODES)}")
    return tuple(dict.fromkeys(modes))


def make_command(command: dict[str, Any]) -> Command[Any]:
    """LangGraph's command from its JSON form; `goto` is a node, `{node, input}`, or a list."""
    goto = command.get("goto")
    targets = goto if isinstance(goto, list) else [] if goto is None else [goto]
    update = command.get("update")
    if isinstance(update, list) and all(isinstance(u, list) and len(u) == 2 for u in update):
        update = [tuple(u) for u in update]
    return Command(
        update=update,
        resume=command.get("resume"),
        goto=[Send(t["node"], t.get("input")) if isinstance(t, dict) else t for t in targets],
    )


def _refuse_unsupported(body: dict[str, Any]) -> None:
    for name, explanation in _UNSUPPORTED.items():
        if body.get(name):
            raise unsupported(name, explanation)


def _parse_durability(body: dict[str, Any]) -> Durability:
    """`sync` unless told otherwise: a run that was answered for must survive its worker.

    `checkpoint_during` is the older name: true is `async`, false is `exit`.
    """
    chosen = _parse_choice(body, "durability")
    older = body.get("checkpoint_during")
    if chosen is None and older is not None:
        if not isinstance(older, bool):
            raise invalid("`checkpoint_during` must be true or false")
        return "async" if older else "exit"
    return chosen or "sync"  # type: ignore[return-value]


def _parse_webhook(body: dict[str, Any]) -> str | None:
    value = body.get("webhook")
    if value is not None and (not isinstance(value, str) or not value):
        raise invalid("`webhook` must be a URL")
    return value


def _parse_delay(body: dict[str, Any]) -> float:
    value = body.get("after_seconds")
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid("`after_seconds` must be a number of seconds")
    if not 0 <= value <= _LONGEST_DELAY_SECONDS:
        raise invalid(f"`after_seconds` must be from 0 to {_LONGEST_DELAY_SECONDS}")
    return float(value)


def _parse_assistant_id(body: dict[str, Any]) -> str:
    assistant_id = body.get("assistant_id")
    if assistant_id is None:
        detail = '"assistant_id" is a required property'
        raise invalid(detail, Reason.MISSING_ASSISTANT_ID)
    if not isinstance(assistant_id, str) or not assistant_id:
        raise invalid("`assistant_id` must be the name of a graph or the UUID of an assistant")
    return assistant_id


def parse_contexts(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`config` and `context` of a body, which may not both name the context.

    Raises:
        ApiError: 400 or 422 with the field at fault.
    """
    config, context = _parse_object(body, "config"), _parse_object(body, "context")
    configurable = _parse_object(config, "configurable")
    if configurable and context:
        raise ApiError(400, Reason.INVALID_REQUEST, _BOTH_CONTEXTS)
    limit = config.get("recursion_limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise invalid("`config.recursion_limit` must be a whole number of at least 1")
    tags = config.get("tags")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(t, str) for t in tags)):
        raise invalid("`config.tags` must be a list of strings")
    return config, context


def _parse_command(body: dict[str, Any], on_thread: bool) -> dict[str, Any] | None:
    command = body.get("command")
    if command is None:
        return None
    if not isinstance(command, dict):
        raise invalid("`command` must be an object with `update`, `resume` or `goto`")
    if not on_thread and command.get("resume") is not None:
        detail = "You must provide a thread_id when resuming."
        raise ApiError(400, Reason.INVALID_REQUEST, detail)
    goto = command.get("goto")
    for target in goto if isinstance(goto, list) else [goto]:
        is_send = isinstance(target, dict) and isinstance(target.get("node"), str)
        if not (target is None or isinstance(target, str) or is_send):
            raise invalid("`command.goto` must be a node, {node, input}, or a list of these")
    return command


def _parse_checkpoint(body: dict[str, Any], on_thread: bool) -> dict[str, Any]:
    checkpoint = dict(_parse_object(body, "checkpoint"))
    if body.get("checkpoint_id"):
        checkpoint["checkpoint_id"] = body["checkpoint_id"]
    if checkpoint and not on_thread:
        raise unsupported("checkpoint", "a run without a thread has none")
    known = ("checkpoint_id", "checkpoint_ns", "checkpoint_map")
    place = {key: checkpoint[key] for key in known if checkpoint.get(key) is not None}
    check_place(place)
    return place


def check_place(place: dict[str, Any]) -> None:
    """The ids of a checkpoint are texts that a database can look for.

    Raises:
        ApiError: 422 with the field at fault.
    """
    for name in ("checkpoint_id", "checkpoint_ns"):
        value = place.get(name, "")
        if not isinstance(value, str) or "\0" in value:
            raise invalid(f"`{name}` must be a text without NUL")
    if not isinstance(place.get("checkpoint_map", {}), dict):
        raise invalid("`checkpoint_map` must be an object")


def _parse_object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"`{name}` must be an object")
    return value


def _parse_choice(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and value not in CHOICES[name]:
        raise invalid(f"`{name}` must be one of {', '.join(CHOICES[name])}")
    return value


def _parse_node_names(body: dict[str, Any], name: str) -> list[str] | Literal["*"] | None:
    value = body.get(name)
    if value is None or value == "*":
        return value
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise invalid(f'`{name}` must be "*" or a list of node names')
    return value


def _sorted(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
        case list() | tuple():
            return [_sorted(item) for item in value]
    return value
