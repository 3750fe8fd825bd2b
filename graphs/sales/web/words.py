"""The words of `words.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PageWords:
    """What tells one kind of page: whole parts of its path, and whole headings."""

    path: frozenset[str]
    heading: frozenset[str]


@dataclass(frozen=True)
class Words:
    """All of them, in lower case."""

    pages: Mapping[str, PageWords]
    eastern_title: re.Pattern[str]
    never: frozenset[str]
    also_given: frozenset[str]
    also_family: frozenset[str]
    particles: frozenset[str]
    honorifics: frozenset[str]
    abbreviations: frozenset[str]
    suffixes: frozenset[str]
    degrees: frozenset[str]
    answerable: re.Pattern[str]
    placeholders: frozenset[str]
    files: frozenset[str]


@cache
def load_words() -> Words:
    """Read once."""
    raw = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    names = raw["names"]
    return Words(
        pages={kind: _read_page(given) for kind, given in raw["pages"].items()},
        eastern_title=re.compile("|".join(map(re.escape, raw["titles"]["eastern"]))),
        never=frozenset(names["never"]),
        also_given=frozenset(names["also_given"]),
        also_family=frozenset(names["also_family"]),
        particles=frozenset(names["particles"]),
        honorifics=frozenset(names["honorifics"]),
        abbreviations=frozenset(names["abbreviations"]),
        suffixes=frozenset(names["suffixes"]),
        degrees=frozenset(names["degrees"]),
        answerable=_make_answerable(raw["answerable"]["words"]),
        placeholders=frozenset(raw["mails"]["placeholders"]),
        files=frozenset(raw["mails"]["files"]),
    )


def _read_page(given: Mapping[str, Any]) -> PageWords:
    return PageWords(frozenset(given["path"]), frozenset(given["heading"]))


def _make_answerable(words: list[str]) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    return re.compile(
        rf"\b(?:{'|'.join(longest_first)})\b\s*(?:\(.{{0,20}}?\))?\s*(?::|$)", re.IGNORECASE
    )
