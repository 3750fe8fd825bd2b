"""Durations and byte counts as people write them in manifests."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_DURATION_PART = re.compile(r"(\d+)(ms|s|m|h)")

DURATION_PATTERN: Final = r"^([0-9]+(ms|s|m|h))+$"
BYTES_PATTERN: Final = r"^[0-9]+(k|M|G|Ki|Mi|Gi)?$"


def parse_duration(text: str) -> float:
    """Seconds in a duration such as `90s`, `15m` or `1h30m`.

    Raises:
        ValueError: `text` is not a sequence of whole numbers with a unit of ms, s, m or h.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 15m or 1h30m")
    return sum(int(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))


def render_duration(seconds: float) -> str:
    """The shortest spelling of whole seconds: `1020` becomes `17m`."""
    rest = round(seconds)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    return "".join(f"{n}{unit}" for n, unit in parts if n) or "0s"


def parse_bytes(text: str) -> int:
    """Bytes in a count such as `64Mi` or `1G`.

    Raises:
        ValueError: `text` is not a whole number with an optional unit.
    """
    match = re.fullmatch(r"([0-9]+)(k|M|G|Ki|Mi|Gi)?", text)
    if not match:
        raise ValueError(f"{text!r} is not a byte count; write for example 64Mi")
    return int(match[1]) * _BYTES[match[2] or ""]


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _check_bytes(text: str) -> str:
    parse_bytes(text)
    return text


# The length limits are there for the API server: CEL costs are estimated from them.
Duration = Annotated[
    str, Field(pattern=DURATION_PATTERN, max_length=16), AfterValidator(_check_duration)
]
ByteCount = Annotated[
    str, Field(pattern=BYTES_PATTERN, max_length=16), AfterValidator(_check_bytes)
]
