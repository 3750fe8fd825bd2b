"""State of a graph as JSON: messages, models, interrupts and whatever else a node may return."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import deque
from typing import Any

import orjson
from langgraph.types import Interrupt
from pydantic import BaseModel

# Dataclasses come to `_default`, since an interrupt is one and has a shape of its own on the wire.
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_SERIALIZE_NUMPY
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def dumps(value: Any) -> bytes:
    """Compact JSON in one line. What JSON has no word for becomes its text."""
    try:
        return orjson.dumps(value, default=_default, option=_OPTIONS)
    except orjson.JSONEncodeError:
        # Integers past 64 bits and lone surrogates: rare, legal in Python, and json can write them.
        plain = json.dumps(value, default=_default, separators=(",", ":"), skipkeys=True)
        return plain.encode()


def dumps_for_database(value: Any) -> str:
    """JSON text that PostgreSQL's jsonb takes: without the NUL character, which it refuses."""
    return _NUL.sub(r"\1", dumps(value).decode())


def loads(text: str | bytes) -> Any:
    """The value of a JSON text."""
    return orjson.loads(text)


def to_jsonable(value: Any) -> Any:
    """`value` as a client would read it: dicts, lists, text, numbers, booleans and None."""
    return orjson.loads(dumps(value))


def render_interrupt(interrupt: Interrupt) -> dict[str, Any]:
    """The wire shape of an interrupt; clients rebuild it by `Interrupt(**shape)`."""
    shape: dict[str, Any] = {"value": interrupt.value, "id": interrupt.id}
    if interrupt.response_schema is not None:
        shape["response_schema"] = interrupt.response_schema
    return shape


def _default(value: Any) -> Any:
    match value:
        case Interrupt():
            return render_interrupt(value)
        case BaseModel():
            return value.model_dump()
        case set() | frozenset() | deque():
            return list(value)
        case BaseException():
            return {"error": type(value).__name__, "message": str(value)}
        case tuple() if hasattr(value, "_asdict"):
            return value._asdict()
        case tuple():
            return list(value)
        case dict():
            return dict(value)
        case type():
            return f"{value.__module__}.{value.__qualname__}"
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return str(value)
