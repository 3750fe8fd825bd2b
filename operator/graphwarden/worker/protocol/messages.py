"""A run's messages as the protocol tells them: begun, grown block by block, finished. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    SystemMessageChunk,
)
from langchain_core.messages.ai import UsageMetadata, add_usage

# The results of tools have a channel of their own.
_KINDS: Mapping[str, tuple[str, type[BaseMessage]]] = {
    "ai": ("ai", AIMessage),
    "AIMessageChunk": ("ai", AIMessageChunk),
    "human": ("human", HumanMessage),
    "HumanMessageChunk": ("human", HumanMessageChunk),
    "system": ("system", SystemMessage),
    "SystemMessageChunk": ("system", SystemMessageChunk),
}
_GROWING = {"text": "text", "reasoning": "reasoning"}
_CALL_CHUNKS = {"tool_call_chunk": "tool_call", "server_tool_call_chunk": "server_tool_call"}
# What is told once, at the end of a block.
_HEAVY = frozenset({"args", "base64", "data", "output", "value", "index"})
# What LangChain raises for a message in no shape it knows; its validation error is a ValueError.
_ODD = (ValueError, TypeError, KeyError, AttributeError)
_LOST = "the message broke off: its run lost its worker, or ended"


@dataclass(frozen=True, slots=True)
class Told:
    """One step of a message, and where in the graph it belongs."""

    namespace: tuple[str, ...]
    node: str | None
    data: dict[str, Any]


@dataclass(slots=True)
class _Message:
    name: str
    namespace: tuple[str, ...]
    node: str | None
    blocks: dict[Any, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    usage: UsageMetadata | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def tell(self, event: str, **data: Any) -> Told:
        # With its id in every step, messages that grow at the same time can be told apart.
        return Told(self.namespace, self.node, {"event": event, **data, "id": self.name})


class Messages:
    """The messages of one run: those under way, and the names of those told."""

    def __init__(self) -> None:
        self._under_way: dict[str, _Message] = {}
        self._told: set[str] = set()

    def take(self, namespace: tuple[str, ...], payload: Any) -> Iterator[Told]:
        """The steps of one stored message event: `[message, metadata]`."""
        message, metadata = payload if _is_pair(payload) else (payload, {})
        kind = _KINDS.get(str(message.get("type"))) if isinstance(message, Mapping) else None
        if kind is None or str(message.get("id")) in self._told:
            return
        name, (role, model) = str(message.get("id")), kind
        known = self._under_way.get(name)
        read = _read(model, message)
        if known is None:
            node = metadata.get("langgraph_node") if isinstance(metadata, Mapping) else None
            known = self._under_way[name] = _Message(name, namespace, node)
            yield _begin(known, role, read)
        for key, block in _list_blocks(read, message):
            yield from _grow(known, key, block)
        if read is not None:
            known.usage = _add_usage(known.usage, read)
            known.metadata.update(read.response_metadata)
        if not str(message["type"]).endswith("Chunk") or message.get("chunk_position") == "last":
            yield from self._finish(name)

    def finish(self) -> Iterator[Told]:
        """The ends of all messages under way: their run has ended well."""
        for name in list(self._under_way):
            yield from self._finish(name)

    def break_off(self) -> Iterator[Told]:
        """The ends of all messages under way: they will not be finished."""
        for name in list(self._under_way):
            known = self._under_way.pop(name)
            yield known.tell("error", message=_LOST)

    def _finish(self, name: str) -> Iterator[Told]:
        known = self._under_way.pop(name)
        self._told.add(name)
        for index, block in known.blocks.values():
            yield known.tell("content-block-finish", index=index, content=_close(block))
        more: dict[str, Any] = {"usage": known.usage} if known.usage else {}
        if known.metadata:
            more["metadata"] = known.metadata
        yield known.tell("message-finish", **more)


def _is_pair(payload: Any) -> bool:
    return isinstance(payload, list) and len(payload) == 2


def _read(model: type[BaseMessage], message: Mapping[str, Any]) -> BaseMessage | None:
    """The message as LangChain has it; None where a graph made up a shape of its own."""
    # The last chunk of a message would take its piece of a call for the whole of it.
    parts = {name: value for name, value in message.items() if name != "chunk_position"}
    try:
        return model.model_validate(parts)
    except _ODD:
        return None


def _begin(known: _Message, role: str, read: BaseMessage | None) -> Told:
    found = read.response_metadata if read is not None else {}
    metadata = {
        "provider": found.get("model_provider"),
        "model": found.get("model_name"),
        "langgraph_node": known.node,
    }
    told = {name: value for name, value in metadata.items() if isinstance(value, str)}
    return known.tell("message-start", role=role, **({"metadata": told} if told else {}))


def _list_blocks(
    read: BaseMessage | None, message: Mapping[str, Any]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The blocks of a message or chunk, each with the name it has in all chunks of its message."""
    blocks: list[Any]
    try:
        blocks = list(read.content_blocks) if read is not None else []
    except _ODD:
        read, blocks = None, []
    if read is None and isinstance(message.get("content"), str) and message["content"]:
        blocks = [{"type": "text", "text": message["content"]}]
    for position, block in enumerate(blocks):
        index = block.get("index")
        # The type belongs to the name: chunks of a text and of a call may both be number 0.
        yield (block.get("type"), position if index is None else index), dict(block)


def _grow(known: _Message, key: Any, block: dict[str, Any]) -> Iterator[Told]:
    found = known.blocks.get(key)
    if found is None:
        index = len(known.blocks)
        known.blocks[key] = (index, block)
        yield known.tell("content-block-start", index=index, content=_open(block))
    else:
        index = found[0]
        _merge(found[1], block)
    delta = _make_delta(block)
    if delta is not None:
        yield known.tell("content-block-delta", index=index, delta=delta)


def _open(block: dict[str, Any]) -> dict[str, Any]:
    kind = str(block.get("type"))
    if kind in _GROWING:
        rest = {k: v for k, v in block.items() if k not in ("index", "annotations")}
        return {**rest, _GROWING[kind]: ""}
    if kind in _CALL_CHUNKS:
        return {"id": block.get("id"), "name": block.get("name"), **block, "args": ""}
    bare = {name: value for name, value in block.items() if name not in _HEAVY}
    if kind in _CALL_CHUNKS.values():
        bare["args"] = {}
    return {**bare, "value": {}} if kind == "non_standard" else bare


def _make_delta(block: dict[str, Any]) -> dict[str, Any] | None:
    kind = str(block.get("type"))
    if kind in _GROWING:
        grown = block.get(_GROWING[kind])
        return {"type": f"{kind}-delta", _GROWING[kind]: grown} if grown else None
    if kind in _CALL_CHUNKS and block.get("args"):
        return {"type": "tool-call-delta", "args": block["args"]}
    return None


def _merge(whole: dict[str, Any], block: dict[str, Any]) -> None:
    kind = str(block.get("type"))
    grown = _GROWING.get(kind, "args" if kind in _CALL_CHUNKS else None)
    if grown is None:
        whole.update(block)
        return
    text = f"{whole.get(grown) or ''}{block.get(grown) or ''}"
    whole.update({name: value for name, value in block.items() if value is not None})
    whole[grown] = text


def _close(block: dict[str, Any]) -> dict[str, Any]:
    """The block as a whole; a call with arguments that are no JSON object is an invalid call."""
    rest = {name: value for name, value in block.items() if name != "index"}
    kind = _CALL_CHUNKS.get(str(block.get("type")))
    if kind is None:
        return rest
    text = block.get("args") or "{}"
    try:
        arguments = json.loads(text)
    except ValueError:
        arguments = None
    if isinstance(arguments, dict):
        return {**rest, "type": kind, "args": arguments}
    problem = "the arguments are no JSON object"
    return {**rest, "type": "invalid_tool_call", "args": text, "error": problem}


def _add_usage(usage: UsageMetadata | None, read: BaseMessage) -> UsageMetadata | None:
    more = getattr(read, "usage_metadata", None)
    return add_usage(usage, more) if more else usage
