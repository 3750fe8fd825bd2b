"""In which industry a company is, by the words of its own pages. Pure.

The words are in ``industries.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SURE, _HINT = 3.0, 1.0
# What a title and a description say counts more than what stands in a text.
_HEAD = 2.0
# Less than this is chance: one sure word, or three different hints.
_LEAST = 3.0
_PLENTY = 12.0
_WHOLE_WORD = 5
_MOST_TEXT = 50_000


@dataclass(frozen=True)
class Words:
    """The words of one page: `head` is its title, description and headings."""

    url: str
    head: str
    text: str


@dataclass(frozen=True)
class Label:
    """The best name, how sure it is (0 to 1), the words that speak for it, and where most are."""

    name: str
    confidence: float
    words: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class _Word:
    pattern: re.Pattern[str]
    weight: float


def find_industry(pages: Sequence[Words]) -> Label | None:
    """The industry that most words speak for; None where too few do."""
    scores: defaultdict[str, float] = defaultdict(float)
    distinct: defaultdict[str, dict[_Word, None]] = defaultdict(dict)
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for page in pages:
        head, text = page.head.lower(), page.text[:_MOST_TEXT].lower()
        for name, words in load_words().items():
            for word in words:
                match = word.pattern.search(head)
                factor = _HEAD if match else 1.0
                match = match or word.pattern.search(text)
                if match:
                    scores[name] += word.weight * factor
                    distinct[name][word] = None
                    found[name].setdefault(match.group(0), page.url)
    enough = [name for name in scores if sum(w.weight for w in distinct[name]) >= _LEAST]
    ranked = sorted(enough, key=lambda name: (-scores[name], name))
    if not ranked:
        return None
    best = ranked[0]
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    lead = scores[best] / (scores[best] + second)
    sure = lead * min(1.0, 0.5 + scores[best] / (2 * _PLENTY))
    urls = list(found[best].values())
    return Label(
        name=best,
        confidence=round(min(sure, 0.95), 3),
        words=tuple(found[best])[:6],
        source=max(urls, key=urls.count),
    )


@cache
def load_words() -> Mapping[str, Sequence[_Word]]:
    """The table, compiled once."""
    path = Path(__file__).with_name("industries.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: [
            *(_Word(_compile(each), _SURE) for each in entry["sure"]),
            *(_Word(_compile(each), _HINT) for each in entry["hint"]),
        ]
        for name, entry in table["industry"].items()
    }


def _compile(stem: str) -> re.Pattern[str]:
    """The start of a word; short ones are whole words, or `car` would be in `career`."""
    end = r"s?(?!\w)" if len(stem) <= _WHOLE_WORD else ""
    return re.compile(rf"(?<!\w){re.escape(stem)}{end}")
