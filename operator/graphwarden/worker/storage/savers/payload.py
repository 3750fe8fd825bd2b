"""How much there is to serialise: little is done at once, much in a thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

INLINE_BYTES: Final = 64 * 1024
_LEAF_BYTES: Final = 32
_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_Made = TypeVar("_Made")


async def serialise(payload: object, make: Callable[[], _Made]) -> _Made:
    """What `make` makes of the payload, without holding up the loop for long.

    A hop to a thread and back costs more than serialising a few kilobytes.
    """
    return make() if is_small(payload) else await asyncio.to_thread(make)


def is_small(payload: object, limit_bytes: int = INLINE_BYTES) -> bool:
    """Whether serialising this takes no longer than the hop; looks at no more than the limit."""
    left = limit_bytes
    waiting: list[Any] = [payload]
    while waiting:
        value = waiting.pop()
        # By the class itself first: most values are of these, and asking for it takes least.
        kind = type(value)
        if kind is str or isinstance(value, str | bytes | bytearray):
            left -= len(value)
        elif kind in _NUMBERS:
            continue
        elif kind is dict or isinstance(value, Mapping):
            left -= _LEAF_BYTES * len(value)
            if left > 0:
                waiting.extend(value.values())
        elif kind is list or isinstance(value, Collection):
            left -= _LEAF_BYTES * len(value)
            if left > 0:
                waiting.extend(value)
        else:
            left -= _measure_object(value, waiting)
        if left <= 0:
            return False
    return True


def _measure_object(value: object, waiting: list[Any]) -> int:
    fields = getattr(value, "__dict__", None)
    if isinstance(fields, dict):
        waiting.extend(fields.values())
        return _LEAF_BYTES * (1 + len(fields))
    return sys.getsizeof(value, _LEAF_BYTES)
