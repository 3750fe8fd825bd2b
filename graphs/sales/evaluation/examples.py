"""Labelled examples: JSON lines, split for good by a hash of their ids.

One part more is `fresh`: examples written after the rules had their last change.

{"id": "reply-0001", "label": "interested", "language": "en", "input": {"text": "Sure!"}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Part = Literal["training", "held-out", "fresh"]
# Of 256: two examples in five are held out.
_HELD_OUT = 102


class InvalidExamples(ValueError):
    """A file of examples cannot be used; the text names the line."""


@dataclass(frozen=True)
class Example:
    """`input` is the graph's; `part` says whether rules and weights may be made with it."""

    id: str
    label: str
    input: Mapping[str, Any]
    part: Part
    language: str = ""


def choose_part(example_id: str) -> Part:
    """The same for an id forever, whatever else is in the file."""
    return "held-out" if hashlib.sha256(example_id.encode()).digest()[0] < _HELD_OUT else "training"


def read_examples(path: Path, labels: Collection[str], part: Part | None = None) -> list[Example]:
    """The examples of one file, all of one part or split by their ids.

    Raises:
        InvalidExamples: a line is no example, or has a label or an id it must not have.
    """
    found: dict[str, Example] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        example = _parse(line, labels, part, f"{path.name}:{number}")
        if example.id in found:
            raise InvalidExamples(f"{path.name}:{number}: {example.id} is there twice")
        found[example.id] = example
    return list(found.values())


def _parse(line: str, labels: Collection[str], part: Part | None, where: str) -> Example:
    try:
        row = json.loads(line)
        example = Example(
            id=str(row["id"]),
            label=str(row["label"]),
            input=dict(row["input"]),
            part=part or choose_part(str(row["id"])),
            language=str(row.get("language", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidExamples(f"{where}: {type(error).__name__}: {error}") from None
    if example.label not in labels:
        raise InvalidExamples(f"{where}: {example.label} is none of {', '.join(labels)}")
    return example
