"""Problems that a company's own words tell of, each with the sentence that does. Pure.

The words are in ``problems.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

MOST_PROBLEMS = 8
_LONGEST_QUOTE = 300
_LONGEST_SENTENCE = 600
_MOST_SENTENCES = 3000
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+|\s[•·|]\s")


class Problem(BaseModel):
    """One problem. `evidence` is quoted from the page `source`; `angle` says how to bring it up."""

    problem: str = Field(min_length=3, max_length=160)
    evidence: str = Field(min_length=3, max_length=400)
    angle: str = Field(min_length=3, max_length=300)
    source: str = Field(default="", max_length=2000)
    confidence: float = Field(default=0.6, ge=0, le=1)


class Problems(BaseModel):
    """The answer of the task, the surest first; none where nothing tells of any."""

    problems: list[Problem] = Field(default_factory=list, max_length=MOST_PROBLEMS)


@dataclass(frozen=True)
class Source:
    """A page, or what else was found out; `kinds` as pages have them."""

    url: str
    text: str
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sources:
    """What is read for problems. As text it is what a model gets."""

    pages: tuple[Source, ...] = ()
    tech: tuple[Mapping[str, Any], ...] = ()

    def __str__(self) -> str:
        pages = [f"{page.url}\n{page.text}" for page in self.pages]
        tech = [
            f"{each['name']} {each.get('version') or ''}: {each['evidence']}" for each in self.tech
        ]
        return "\n\n".join([*pages, *tech])


@dataclass(frozen=True)
class _Rule:
    problem: str
    angle: str
    sure: float
    patterns: Sequence[re.Pattern[str]]
    pages: frozenset[str]
    tech: Mapping[str, re.Pattern[str]]


def find_by_rules(variables: Mapping[str, Any]) -> Problems:
    """Every problem of the table that something in ``sources`` tells of.

    A second page that tells of it makes it surer.
    """
    sources: Sources = variables["sources"]
    sentences = [(page, list(_split(page.text))) for page in sources.pages]
    found = []
    for rule in load_rules():
        hits = [*_list_quotes(rule, sentences), *_list_tech(rule, sources.tech)]
        if hits:
            source, evidence = hits[0]
            places = len({url for url, _ in hits})
            sure = round(1 - (1 - rule.sure) ** min(places, 3), 3)
            found.append(
                Problem(
                    problem=rule.problem,
                    evidence=evidence,
                    angle=rule.angle,
                    source=source,
                    confidence=sure,
                )
            )
    surest = sorted(found, key=lambda each: -each.confidence)
    return Problems(problems=surest[:MOST_PROBLEMS])


def check_quotes(answer: Problems, variables: Mapping[str, Any]) -> list[str]:
    """Every evidence stands in the sources, word by word; every source is one of the pages."""
    sources: Sources = variables["sources"]
    known = squeeze(str(sources))
    urls = {page.url for page in sources.pages} | {str(each.get("source")) for each in sources.tech}
    problems = [
        f"This evidence is not in the pages: {each.evidence!r}"
        for each in answer.problems
        if squeeze(each.evidence) not in known
    ]
    return problems + [
        f"This source is none of the pages: {each.source!r}"
        for each in answer.problems
        if each.source not in urls
    ]


def check_numbers(answer: Problems, variables: Mapping[str, Any]) -> list[str]:
    """No number in a problem or an angle that its evidence does not have."""
    del variables
    return [
        f"This number is not in the evidence: {number}"
        for each in answer.problems
        for number in re.findall(r"\d+", f"{each.problem} {each.angle}")
        if number not in each.evidence
    ]


def squeeze(text: str) -> str:
    """Lower case, plain quotes, single spaces: as passages are compared."""
    return " ".join(text.lower().translate(_QUOTES).split())


def _list_quotes(
    rule: _Rule, sentences: Sequence[tuple[Source, Sequence[str]]]
) -> Iterator[tuple[str, str]]:
    """The first sentence of each page that tells of it."""
    for page, lines in sentences:
        if rule.pages and not rule.pages & page.kinds:
            continue
        for line in lines:
            match = next((m for each in rule.patterns if (m := each.search(line))), None)
            if match:
                yield page.url, _cut(line, match)
                break


def _list_tech(rule: _Rule, tech: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in tech:
        pattern = rule.tech.get(str(each["name"]))
        if pattern and pattern.search(str(each.get("version") or "")):
            yield str(each.get("source") or ""), str(each["evidence"])[:_LONGEST_QUOTE]


def _split(text: str) -> Iterator[str]:
    for number, line in enumerate(_SENTENCE.split(text)):
        if number >= _MOST_SENTENCES:
            return
        if line and (line := line.strip()):
            yield line[:_LONGEST_SENTENCE]


def _cut(line: str, match: re.Match[str]) -> str:
    """A sentence, or the part of a long one that is around what was found."""
    if len(line) <= _LONGEST_QUOTE:
        return line
    start = max(0, min(match.start() - 80, len(line) - _LONGEST_QUOTE))
    part = line[start : start + _LONGEST_QUOTE]
    return part.partition(" ")[2] if start else part.rpartition(" ")[0] or part


@cache
def load_rules() -> tuple[_Rule, ...]:
    """The table, compiled once."""
    text = Path(__file__).with_name("problems.toml").read_text(encoding="utf-8")
    return tuple(
        _Rule(
            problem=entry["problem"],
            angle=entry["angle"],
            sure=entry["sure"],
            patterns=[re.compile(each, re.IGNORECASE) for each in entry["patterns"]],
            pages=frozenset(entry.get("pages", ())),
            tech={name: re.compile(each) for name, each in entry.get("tech", {}).items()},
        )
        for entry in tomllib.loads(text).values()
    )


_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})
