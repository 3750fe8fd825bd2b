"""Whether an answer is what the transcript says, but for ids and times that each server makes up.

Each difference has a place, as a path: `other body/values/foo`, `more event end`, `less header x`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from contract.replay import MORE, Call

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = rf"{_UUID}|\b[0-9a-f]{{32}}\b"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00"
_MADE_UP = re.compile(rf"({_ID})|({_TIME})")
Frames = list[dict[str, Any]]
_ASSISTANTS = uuid.UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
_FIXED = re.compile(r"(00000000|1ef00000)-0000-")
_HEADERS = re.compile(
    r"content-type|location|content-location|allow|cache-control|x-accel-buffering"
    r"|x-pagination-.*|access-control-.*"
)


@dataclass
class Ids:
    """Which id of ours stands for which of the transcript; each for one and always the same."""

    graphs: tuple[str, ...]
    ours: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for graph in self.graphs:
            fixed = str(uuid.uuid5(_ASSISTANTS, graph))
            self.bind(fixed, fixed)

    def bind(self, recorded: str, live: str) -> bool:
        """Whether the two are one and the same, from now on at the latest."""
        if _FIXED.match(recorded) and recorded not in self.ours:
            live_must_be = recorded
        else:
            live_must_be = self.ours.setdefault(recorded, live)
        return live == live_must_be and self.theirs.setdefault(live, recorded) == recorded

    def number(self, stream: str, name: str, recorded: int) -> str:
        """Ours for a number of frames of a stream."""
        return self.ours[f"{stream} {name} {recorded}"].rpartition(" ")[2]

    def translate(self, text: str) -> str:
        """A part of a request with our ids; an id that no answer brought was the client's own."""

        def replace(found: re.Match[str]) -> str:
            recorded = found[0]
            if recorded not in self.ours:
                self.bind(recorded, recorded)
            return self.ours.get(recorded, recorded)

        return re.sub(_ID, replace, text)

    def same_text(self, recorded: str, live: str) -> bool:
        """Whether two texts say the same."""
        pattern, place, pairs = "", 0, []
        for found in _MADE_UP.finditer(recorded):
            pattern += re.escape(recorded[place : found.start()])
            pattern += f"({_ID})" if found[1] else f"(?:{_TIME})"
            pairs += [found[1]] if found[1] else []
            place = found.end()
        matched = re.fullmatch(pattern + re.escape(recorded[place:]), live)
        if not matched:
            return False
        bound = [self.bind(*pair) for pair in zip(pairs, matched.groups(), strict=True)]
        return all(bound)


@dataclass(frozen=True)
class Difference:
    """One place where an answer of ours is another."""

    call: str
    where: str
    recorded: Any
    live: Any

    def __str__(self) -> str:
        shown = f"{str(self.recorded)[:150]!r} -> {str(self.live)[:150]!r}"
        return f"{self.call} | {self.where} | {shown}"


def compare(call: Call, live: Call, ids: Ids) -> list[Difference]:
    """All differences of an answer from the one in the transcript."""
    found: list[tuple[str, Any, Any]] = []
    if call.status != live.status:
        found.append(("other status", call.status, live.status))
    found += _headers(call, live, ids)
    if call.events is not None and live.events is not None:
        found += _events(call, live, ids)
    elif call.is_json and live.is_json:
        found += _values("body", call.parsed, live.parsed, ids)
    elif call.has_text_to_compare and call.text != live.text.strip():
        found.append(("other body", call.text, live.text))
    title = f"{call.name} {call.method} {call.path}"
    return [Difference(title, *one) for one in found]


def _headers(call: Call, live: Call, ids: Ids) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*call.headers, *live.headers}):
        if not _HEADERS.fullmatch(name) or (call.endless and name != "content-type"):
            continue
        theirs, ours = call.headers.get(name), live.headers.get(name)
        if theirs is None or ours is None:
            yield f"{'more' if theirs is None else 'less'} header {name}", theirs, ours
        elif not ids.same_text(theirs, ours):
            yield f"other header {name}", theirs, ours


def _values(where: str, theirs: Any, ours: Any, ids: Ids) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs:
            if key == MORE:
                continue
            if key not in ours:
                yield f"less {where}/{key}", theirs[key], None
            else:
                yield from _values(f"{where}/{key}", theirs[key], ours[key], ids)
        if MORE not in theirs:
            for key in sorted(ours.keys() - theirs.keys()):
                yield f"more {where}/{key}", None, ours[key]
    elif isinstance(theirs, list) and isinstance(ours, list):
        whole = MORE not in theirs
        wanted = theirs if whole else theirs[:-1]
        for number, (one, other) in enumerate(zip(wanted, ours, strict=False)):
            yield from _values(f"{where}/{number}", one, other, ids)
        if len(ours) < len(wanted) or (whole and len(ours) > len(wanted)):
            yield f"other {where}/length", wanted, ours
    elif isinstance(theirs, str) and isinstance(ours, str):
        if not ids.same_text(theirs, ours):
            yield f"other {where}", theirs, ours
    elif isinstance(theirs, bool) or isinstance(ours, bool) or theirs is None or ours is None:
        if theirs is not ours:
            yield f"other {where}", theirs, ours
    elif theirs != ours and not (_is_moment(theirs) and _is_moment(ours)):
        yield f"other {where}", theirs, ours


def _is_moment(value: Any) -> bool:
    """Milliseconds since 1970, of these decades."""
    return isinstance(value, int) and 1_500_000_000_000 < value < 3_000_000_000_000


def _events(call: Call, live: Call, ids: Ids) -> Iterator[tuple[str, Any, Any]]:
    theirs, ours = call.events or [], live.events or []
    if theirs and MORE in json.dumps(theirs[-1].get("data"), ensure_ascii=False):
        ours = ours[: len(theirs)]
    for one, other in _pair(theirs, ours):
        if one is None:
            yield f"more event {_name(other)}", None, other.get("data")
        elif other is None:
            yield f"less event {_name(one)}", one.get("data"), None
        else:
            yield from _frame(one, other, ids, call.path)


def _pair(theirs: Frames, ours: Frames) -> Iterator[tuple[Any, Any]]:
    """Frames that belong together: those that say the same, and between these those of a name."""
    for same, one, other in _match(_shape, theirs, ours):
        if same:
            yield from zip(one, other, strict=True)
            continue
        for named, first, second in _match(_name, one, other):
            if named:
                yield from zip(first, second, strict=True)
            else:
                yield from ((frame, None) for frame in first)
                yield from ((None, frame) for frame in second)


def _match(
    key: Callable[[dict[str, Any]], str], theirs: Frames, ours: Frames
) -> Iterator[tuple[bool, Frames, Frames]]:
    keys = [[key(frame) for frame in side] for side in (theirs, ours)]
    for step, a, b, c, d in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        yield step == "equal", theirs[a:b], ours[c:d]


def _name(frame: dict[str, Any]) -> str:
    return re.sub(_UUID, "*", frame["event"])


def _shape(frame: dict[str, Any]) -> str:
    """What a frame says, without what is made up."""
    data = frame.get("data")
    if isinstance(data, dict) and "params" in data:
        data = [data["params"]["namespace"], data["params"]["data"]]
    return _name(frame) + re.sub(_UUID, "*", json.dumps(data, sort_keys=True))


def _frame(
    theirs: dict[str, Any], ours: dict[str, Any], ids: Ids, stream: str
) -> Iterator[tuple[str, Any, Any]]:
    if not ids.same_text(theirs["event"], ours["event"]):
        yield f"other event {_name(theirs)}", theirs["event"], ours["event"]
    one, other = dict(theirs), dict(ours)
    if call_is_v2 := isinstance(one.get("data"), dict) and "seq" in one["data"]:
        one["data"], other["data"] = dict(one["data"]), dict(other["data"])
        for number in ("seq", "event_id"):
            pair = one["data"].pop(number), other["data"].pop(number, None)
            if not ids.bind(*(f"{stream} {number} {value}" for value in pair)):
                yield f"other event {_name(theirs)}/{number}", *pair
        if ours.get("id") != str(ours["data"]["seq"]):
            yield "other id", theirs.get("id"), ours.get("id")
    if "data" in one:
        where = f"event {_name(theirs).split('|')[0]}"
        yield from _values(where, one["data"], other.get("data"), ids)
    if not call_is_v2 and ("id" in theirs) != ("id" in ours):
        yield f"{'less' if 'id' in theirs else 'more'} id", theirs.get("id"), ours.get("id")
