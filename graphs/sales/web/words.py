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
    title: re.Pattern[str]
    never: frozenset[str]
    particles: frozenset[str]
    honorifics: frozenset[str]
    abbreviations: frozenset[str]
    suffixes: frozenset[str]
    degrees: frozenset[str]
    answerable: re.Pattern[str]
    roles: frozenset[str]
    placeholders: frozenset[str]
    files: frozenset[str]


@cache
def load_words() -> Words:
    """Read once."""
    raw = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    names = raw["names"]
    return Words(
        pages={kind: _read_page(given) for kind, given in raw["pages"].items()},
        title=_make_title(raw["titles"]["words"]),
        never=frozenset(names["never"]),
        particles=frozenset(names["particles"]),
        honorifics=frozenset(names["honorifics"]),
        abbreviations=frozenset(names["abbreviations"]),
        suffixes=frozenset(names["suffixes"]),
        degrees=frozenset(names["degrees"]),
        answerable=_make_answerable(raw["answerable"]["words"]),
        roles=frozenset(raw["mails"]["roles"]),
        placeholders=frozenset(raw["mails"]["placeholders"]),
        files=frozenset(raw["mails"]["files"]),
    )


def _read_page(given: Mapping[str, Any]) -> PageWords:
    return PageWords(frozenset(given["path"]), frozenset(given["heading"]))


def _make_title(words: list[str]) -> re.Pattern[str]:
    """Latin words at the start of a word; the shortest ones whole. Others anywhere."""
    stems = sorted({re.escape(each) for each in words if each[0].isascii() or len(each) > 6})
    short = sorted({re.escape(each) for each in words if len(each) <= 4 and each.isascii()})
    rest = sorted({re.escape(each) for each in words if not each[0].isascii() and len(each) <= 6})
    long = [each for each in stems if each not in short]
    return re.compile(
        rf"\b(?:{'|'.join(short)})\b|\b(?:{'|'.join(long)})|(?:{'|'.join(rest)})", re.IGNORECASE
    )


def _make_answerable(words: list[str]) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    return re.compile(
        rf"\b(?:{'|'.join(longest_first)})\b\s*(?:\(.{{0,20}}?\))?\s*(?::|$)", re.IGNORECASE
    )
