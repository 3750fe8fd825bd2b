"""What a reader of a thread asks to see. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphwarden.worker.errors import invalid
from graphwarden.worker.protocol.frames import Frame

CHANNELS = frozenset(
    {
        "values",
        "updates",
        "messages",
        "tools",
        "lifecycle",
        "input",
        "checkpoints",
        "tasks",
        "custom",
    }
)
_NAMESPACE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Subscription:
    """Channels, the parts of the graph, and the number after which frames are new."""

    channels: frozenset[str]
    namespaces: tuple[tuple[str, ...], ...] = ()
    depth: int | None = None
    since: int = 0

    def takes(self, frame: Frame) -> bool:
        """Whether a frame is for this reader."""
        return (
            frame.seq > self.since
            and self._takes_channel(frame)
            and self._takes_namespace(frame.namespace)
        )

    def _takes_channel(self, frame: Frame) -> bool:
        channel = "input" if frame.method == "input.requested" else frame.method
        if channel in self.channels:
            return True
        name = frame.data.get("name") if isinstance(frame.data, dict) else None
        return channel == "custom" and f"custom:{name}" in self.channels

    def _takes_namespace(self, namespace: tuple[str, ...]) -> bool:
        for root in self.namespaces or ((),):
            below = len(namespace) - len(root)
            if is_below(namespace, root) and (self.depth is None or below <= self.depth):
                return True
        return False


def is_below(namespace: Sequence[str], root: Sequence[str]) -> bool:
    """Whether a namespace begins with another.

    A reader may name a node without the id of its task: `sub` stands for each `sub:<uuid>`.
    """
    if len(root) > len(namespace):
        return False
    return all(
        part == wanted or (":" not in wanted and part.partition(":")[0] == wanted)
        for part, wanted in zip(namespace, root, strict=False)
    )


def parse_subscription(body: dict[str, Any]) -> Subscription:
    """What the body of `stream/events` asks.

    Raises:
        ApiError: 422 with the field at fault.
    """
    namespaces = body.get("namespaces") or []
    if not isinstance(namespaces, list) or len(namespaces) > _NAMESPACE_LIMIT:
        raise invalid(f"`namespaces` must be a list of at most {_NAMESPACE_LIMIT} namespaces")
    for namespace in namespaces:
        if not isinstance(namespace, list) or not all(isinstance(p, str) for p in namespace):
            raise invalid("each of `namespaces` must be a list of strings")
    return Subscription(
        channels=_parse_channels(body.get("channels")),
        namespaces=tuple(tuple(namespace) for namespace in namespaces),
        depth=_parse_number(body, "depth"),
        since=_parse_number(body, "since") or 0,
    )


def _parse_channels(channels: Any) -> frozenset[str]:
    if not isinstance(channels, list) or not channels:
        raise invalid("`channels` must be a list of at least one channel")
    for channel in channels:
        named = isinstance(channel, str) and channel.startswith("custom:")
        if not named and channel not in CHANNELS:
            raise invalid(f"{channel!r} is no channel; choose from {', '.join(sorted(CHANNELS))}")
    return frozenset(channels)


def _parse_number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (type(value) is not int or value < 0):
        raise invalid(f"`{name}` must be a whole number of at least 0")
    return value
