"""Server-sent events as LangGraph clients read them. Pure: values in, bytes out."""

from __future__ import annotations

HEARTBEAT = b": heartbeat\r\n\r\n"
_LINE_BREAKS = str.maketrans({"\r": " ", "\n": " "})


def render_event(event: str, data: bytes, event_id: str | None = None) -> bytes:
    r"""One event, lines ended by `\r\n` in the order event, data, id.

    Args:
        event: the name, `values` or `values|subgraph:<uuid>`.
        data: compact JSON without line breaks.
        event_id: only for streams that can be resumed.
    """
    name = event.translate(_LINE_BREAKS)
    identity = f"id: {event_id}\r\n" if event_id is not None else ""
    return b"event: %b\r\ndata: %b\r\n%b\r\n" % (name.encode(), data, identity.encode())


def make_event_name(mode: str, namespace: tuple[str, ...]) -> str:
    """`updates` for the graph itself, `updates|sub:<uuid>|...` for one of its subgraphs."""
    return "|".join((mode, *namespace))
