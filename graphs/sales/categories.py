"""What a company does, by the words of its name and description. Pure; the words are a table."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from graphs.sales.phrases import fold

CATEGORIES: tuple[str, ...] = (
    "software", "it_services", "manufacturing", "retail", "finance", "healthcare", "education",
    "logistics", "hospitality", "media_marketing", "construction_real_estate", "energy",
    "professional_services", "public_nonprofit", "food_agriculture", "telecom",
)  # fmt: skip
UNKNOWN = "unknown"
_IN_NAME = 2.0
# "Solar for farms": who buys says little of who sells.
_FOR_WHOM = re.compile(r"\b(?:for|fur|pour|per|para|voor|dla)\b[^.,;:!?]*")
_OF_CUSTOMERS = 0.4
_ENDINGS = {
    "public_nonprofit": (".gov", ".mil", ".gov.uk", ".gob.es", ".gouv.fr", ".gov.pl"),
    "education": (".edu", ".ac.uk", ".edu.pl"),
}
# Below this nothing is said.
_LEAST = 1


@dataclass(frozen=True)
class Category:
    """`reasons` are the words that decided, at most five."""

    category: str
    confidence: float
    reasons: tuple[str, ...]


def choose_category(name: str, website: str, description: str) -> Category:
    """The category whose words weigh most: `unknown` where no word is known.

    A word counts once, in the name twice as much.
    """
    text = fold(description)
    customers = " . ".join(_FOR_WHOM.findall(text))
    where = (fold(name), _IN_NAME), (_FOR_WHOM.sub(" . ", text), 1.0), (customers, _OF_CUSTOMERS)
    weights: dict[str, float] = {}
    words: dict[str, list[tuple[float, str]]] = {}
    for category, table in _load().items():
        for weight, pattern in table:
            for part, factor in where:
                for found in {match.group(0) for match in pattern.finditer(part)}:
                    weights[category] = weights.get(category, 0) + weight * factor
                    words.setdefault(category, []).append((weight * factor, found))
    host = re.sub(r"^[a-z]+://|[/?#].*$", "", website.lower())
    for category, endings in _ENDINGS.items():
        if host.endswith(endings):
            weights[category] = weights.get(category, 0) + 6
            words.setdefault(category, []).append((6, host))
    if not weights or max(weights.values()) < _LEAST:
        return Category(UNKNOWN, 0.0, ())
    ranked = sorted(weights, key=lambda each: (-weights[each], CATEGORIES.index(each)))
    best, total = ranked[0], sum(weights.values())
    share, strength = weights[best] / total, min(1.0, weights[best] / 8)
    told = sorted(set(words[best]), key=lambda each: (-each[0], each[1]))
    reasons = tuple(dict.fromkeys(word for _, word in told))[:5]
    return Category(best, round(0.25 + 0.7 * share * (0.4 + 0.6 * strength), 2), reasons)


@lru_cache(maxsize=1)
def _load() -> dict[str, list[tuple[int, re.Pattern[str]]]]:
    """For each category one expression per weight."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {
        category: [(int(weight), _compile(words)) for weight, words in table[category].items()]
        for category in CATEGORIES
    }


def _compile(words: list[str]) -> re.Pattern[str]:
    escaped = (re.escape(fold(word)).replace(r"\*", r"\w*") for word in words)
    longest_first = sorted(escaped, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")
