"""Numbers of an input that say how much is read at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_count(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    """The whole number under a name, or the default where there is none.

    Raises:
        ValueError: naming the range.
    """
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}.")
    return value
