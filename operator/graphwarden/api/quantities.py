"""Durations, byte counts and Kubernetes' own quantities as people write them in manifests."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_DURATION_PART = re.compile(r"(\d+)(ms|s|m|h)")
_DECIMAL_SUFFIXES: Final = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_BINARY_SUFFIXES: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_QUANTITY = re.compile(
    r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?[0-9]{1,4}))?"
)

_MOST_INT32: Final = 2**31 - 1

DURATION_PATTERN: Final = r"^([0-9]+(ms|s|m|h))+$"
BYTES_PATTERN: Final = r"^[0-9]+(k|M|G|Ki|Mi|Gi)?$"


@functools.lru_cache(1024)
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


def parse_quantity(value: object) -> Decimal | None:
    """The number that a Kubernetes quantity (`250m`, `1Gi`, `1e3`, 2) stands for; None: it is none.

    The grammar is that of k8s.io/apimachinery `resource.Quantity`.
    """
    match = _QUANTITY.fullmatch(str(value)) if not isinstance(value, bool) else None
    if match is None:
        return None
    number, suffix, exponent = Decimal(match[1]), match[2] or "", match[3]
    if exponent is not None:
        return number.scaleb(int(exponent))
    if suffix in _BINARY_SUFFIXES:
        return number * Decimal(1024) ** _BINARY_SUFFIXES[suffix]
    return number.scaleb(_DECIMAL_SUFFIXES[suffix])


def check_resources(resources: dict[str, Any]) -> dict[str, Any]:
    """Requests and limits as they are; what else is in them, the API server checks.

    Raises:
        ValueError: one is not a quantity, which the API server would not say where it stands.
    """
    for group in ("requests", "limits"):
        amounts = resources.get(group)
        for name, amount in amounts.items() if isinstance(amounts, Mapping) else ():
            if parse_quantity(amount) is None:
                text = (
                    f"{group}.{name}: {amount!r} is not a quantity; write for example 250m or 1Gi"
                )
                raise ValueError(text)
    return resources


def check_int_or_share(value: int | str) -> int | str:
    """A number or a percentage as it is; what text means, the API server checks.

    Raises:
        ValueError: the number does not fit, of which the API server would not say where it stands.
    """
    if isinstance(value, int) and value > _MOST_INT32:
        raise ValueError(f"must be at most {_MOST_INT32}")
    return value


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
