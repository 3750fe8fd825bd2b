"""Transcripts of calls to the reference server, as values.

    >>> POST /threads {"metadata": {}}
    <<< 200 {'content-type': 'application/json', ...}
    {"thread_id": ...}

What was written down of an answer may end in the middle; `read_json` then keeps what is whole and
says with `MORE` where the rest is missing. Lines that are neither are notes of whoever recorded.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "traces"
MORE = "… more, which was not written down"
_HEADERS = re.compile(r"<<< (\d{3}) (\{.*\})$")
_STREAM = re.compile(r">>> SSE (\w+) (None|\{.*\}) (\d{3}) None (.*)$")
_FIELD = re.compile(r"(event|data|id): ?(.*)")


@dataclass
class Call:
    """A call and its answer; a frame of `events` has `event`, `data` and perhaps `id`."""

    trace: str
    number: int
    method: str
    path: str
    body: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    events: list[dict[str, Any]] | None = None
    endless: bool = False

    @property
    def name(self) -> str:
        """For messages and for the list of gaps."""
        return f"{self.trace}:{self.number}"

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON."""
        return bool(self.text) and "application/json" in self.headers.get("content-type", "")

    @property
    def parsed(self) -> Any:
        """The value of the answer, as far as it was written down."""
        return read_json(self.text)

    @property
    def has_text_to_compare(self) -> bool:
        """Pages are not compared."""
        return "html" not in self.headers.get("content-type", "")


def read_trace(name: str) -> list[Call]:
    """The calls of one transcript, in the order in which they were made."""
    lines = (FOLDER / f"{name}.txt").read_text().split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith(">>> ")]
    ends = [*starts[1:], len(lines)]
    return [
        _read_call(name, number, lines[start:end])
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]


def _read_call(trace: str, number: int, lines: Sequence[str]) -> Call:
    if stream := _STREAM.match(lines[0]):
        thread, body, status, kind = stream.groups()
        call = Call(trace, number, "POST", f"/threads/{thread}/stream/events", "", int(status))
        call.body = "" if body == "None" else json.dumps(ast.literal_eval(body))
        call.headers = {"content-type": kind}
        call.events = list(read_events(line.removeprefix("    ") for line in lines[1:]))
        call.endless = True
        return call
    _, method, path, body = lines[0].split(" ", 3)
    call = Call(trace, number, method, path, body)
    answered = _HEADERS.match(lines[1])
    assert answered, f"{call.name} has no answer"
    call.status = int(answered[1])
    call.headers = ast.literal_eval(answered[2])
    if "text/event-stream" in call.headers.get("content-type", ""):
        call.events = list(read_events(lines[2:]))
    else:
        call.text = lines[2] if len(lines) > 2 else ""
    return call


def read_events(lines: Iterator[str] | Sequence[str]) -> Iterator[dict[str, Any]]:
    """The frames of a stream, with their data parsed."""
    frame: dict[str, Any] = {}
    for line in lines:
        found = _FIELD.match(line)
        if not found:
            continue
        name, value = found.groups()
        if name == "event" and frame:
            yield frame
            frame = {}
        frame[name] = read_json(value) if name == "data" else value
    if frame:
        yield frame


def read_json(text: str) -> Any:
    """The value of a text, or as much of it as is whole."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads(_close(text))


def _close(text: str) -> str:
    """End a text that was cut: what is not whole goes, `MORE` comes in its place."""
    open_ones: list[str] = []
    whole, ends = 0, ""
    quoted = escaped = False
    for place, sign in enumerate(text):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            quoted = True
        elif sign in "{}[],":
            if sign in "{[":
                open_ones.append(sign)
            elif sign != ",":
                open_ones.pop()
            whole = place if sign == "," else place + 1
            ends = "".join(open_ones)
    if not ends:
        raise ValueError(f"neither JSON nor the beginning of it: {text[:80]}")
    closed = text[:whole]
    for sign in reversed(ends):
        comma = "" if closed[-1] in "{[" else ","
        closed += comma + (f'"{MORE}": null}}' if sign == "{" else f'"{MORE}"]')
    return closed
