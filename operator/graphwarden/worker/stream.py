"""From LangGraph's stream parts to the events of LangGraph's API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from langchain_core.messages import BaseMessageChunk, message_chunk_to_message
from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import StreamMode

from graphwarden.worker.sse import make_event_name

Event = tuple[str, Any]
Part = tuple[tuple[str, ...], str, Any]

# The two message modes are one in LangGraph; `events` is another stream altogether.
_GRAPH_MODES = {"messages-tuple": "messages"}


def make_graph_modes(modes: tuple[str, ...]) -> list[StreamMode]:
    """The modes LangGraph has to stream for the modes that were asked for."""
    wanted = [_GRAPH_MODES.get(mode, mode) for mode in modes if mode != "events"]
    return cast(list[StreamMode], list(dict.fromkeys(wanted)) or ["values"])


class EventShaper:
    """Turns the parts of one run into events, and keeps the messages that are under way."""

    def __init__(self, modes: tuple[str, ...]) -> None:
        self._modes = frozenset(modes)
        self._messages: dict[str, Any] = {}

    def shape(self, part: Part) -> Iterator[Event]:
        """The events of one stream part; none when nobody asked for its mode."""
        namespace, mode, payload = part
        if mode == "messages":
            yield from self._shape_message(namespace, payload)
        elif mode in self._modes:
            yield make_event_name(mode, namespace), payload

    def _shape_message(self, namespace: tuple[str, ...], payload: Any) -> Iterator[Event]:
        message, metadata = payload
        key = str(message.id)
        if "messages-tuple" in self._modes:
            yield make_event_name("messages", namespace), [message, metadata]
        if "messages" not in self._modes:
            return
        if key not in self._messages:
            self._messages[key] = None
            told = {key: {"metadata": metadata}}
            yield make_event_name("messages/metadata", namespace), told
        if not isinstance(message, BaseMessageChunk):
            yield make_event_name("messages/complete", namespace), [message]
            return
        before = self._messages[key]
        self._messages[key] = whole = message if before is None else before + message
        partial = [message_chunk_to_message(whole)]
        yield make_event_name("messages/partial", namespace), partial


async def stream_parts(
    graph: Pregel[Any, Any, Any, Any],
    graph_input: Any,
    config: RunnableConfig,
    modes: list[StreamMode],
    *,
    subgraphs: bool,
    **arguments: Any,
) -> AsyncIterator[Part]:
    """LangGraph's stream, always with a namespace."""
    stream: AsyncIterator[Any] = graph.astream(
        graph_input,
        config,
        stream_mode=modes,
        subgraphs=subgraphs,
        output_keys=graph.output_channels,
        **arguments,
    )
    async for chunk in stream:
        yield chunk if subgraphs else ((), *chunk)


async def stream_events(
    graph: Pregel[Any, Any, Any, Any],
    graph_input: Any,
    config: RunnableConfig,
    modes: list[StreamMode],
    *,
    subgraphs: bool,
    **arguments: Any,
) -> AsyncIterator[Part]:
    """LangChain's events of a run as mode `events`, with the graph's own parts among them."""
    root = str(config.get("run_id"))
    stream = graph.astream_events(
        graph_input,
        config,
        version="v2",
        stream_mode=modes,
        subgraphs=subgraphs,
        output_keys=graph.output_channels,
        **arguments,
    )
    async for event in stream:
        if event["event"] == "on_chain_stream" and event["run_id"] == root:
            chunk: Any = event["data"]["chunk"]
            yield chunk if subgraphs else ((), *chunk)
        else:
            yield (), "events", event
