"""How alike two companies are, feature by feature, and the sentence for each. Pure.

Only what is known of the first company counts: one of whom industry and country are known is
compared by these. What is not known of the other is no likeness.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

# How much each feature says about what a company buys.
WEIGHTS: Mapping[str, float] = {
    "technologies": 0.25,
    "description": 0.2,
    "industry": 0.2,
    "category": 0.15,
    "size": 0.12,
    "country": 0.08,
}
_ALIKE_NAMES = 95
_ALIKE_INDUSTRIES = 85
# Companies of eight times the size have nothing of it in common.
_OCTAVES = 3
_SHORTEST_WORD = 4
_NAMED = 4
_TOLD = 0.05


@dataclass(frozen=True)
class Profile:
    """A company as far as it is compared; empty where nothing is known."""

    company_id: str
    name: str
    domain: str = ""
    industry: str = ""
    category: str = ""
    size: str = ""
    employees: int | None = None
    country: str = ""
    technologies: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Likeness:
    """`similarity` is 0 to 1; `why` are sentences, what weighs most first."""

    profile: Profile
    similarity: float
    why: tuple[str, ...]


@dataclass(frozen=True)
class Rarity:
    """How much a word or a technology tells, by how few companies have it."""

    companies: int
    counts: Mapping[str, int] = field(default_factory=dict)

    def weigh(self, term: str) -> float:
        """More for what is rarer; never nothing."""
        return math.log((1 + self.companies) / (1 + self.counts.get(term, 0))) + 0.1


def read_words(text: str) -> frozenset[str]:
    """The words of a description that may tell something: four letters or more, no accents."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in bare if not unicodedata.combining(each))
    return frozenset(each for each in re.findall(r"[^\W\d_]+", bare) if len(each) >= _SHORTEST_WORD)


def make_rarity(profiles: Iterable[Profile]) -> Rarity:
    """Of the words and technologies of all companies that are compared."""
    counts: Counter[str] = Counter()
    companies = 0
    for profile in profiles:
        companies += 1
        counts.update(profile.words)
        counts.update(f"tech {each}" for each in profile.technologies)
    return Rarity(companies, counts)


def rank(seed: Profile, others: Sequence[Profile], least: float = 0.2) -> list[Likeness]:
    """Those that are at least so alike, the most alike first; the same in any order of `others`."""
    rarity = make_rarity([seed, *others])
    found = [compare(seed, other, rarity) for other in others]
    return sorted(
        (each for each in found if each.similarity >= least and each.why),
        key=lambda each: (-each.similarity, each.profile.company_id),
    )


def compare(seed: Profile, other: Profile, rarity: Rarity) -> Likeness:
    """The weighted mean over what is known of the first."""
    features = {
        "technologies": _compare_technologies(seed, other, rarity),
        "description": _compare_words(seed, other, rarity),
        "industry": _compare_industry(seed.industry, other.industry),
        "category": _compare_same(seed.category, other.category, "Both are {}."),
        "size": _compare_size(seed, other),
        "country": _compare_same(seed.country, other.country, "Both are in {}."),
    }
    known = {name: found for name, found in features.items() if found is not None}
    total = sum(WEIGHTS[name] for name in known)
    parts = {name: WEIGHTS[name] * found[0] for name, found in known.items()}
    similarity = sum(parts.values()) / total if total else 0.0
    telling = sorted(parts, key=lambda name: -parts[name])
    why = [known[name][1] for name in telling if known[name][0] > _TOLD and known[name][1]]
    return Likeness(other, round(min(similarity, 1.0), 3), tuple(why))


def may_be_same(one: Profile, other: Profile) -> bool:
    """Whether two rows look like one company: that is for dedupe_merge, no lookalike."""
    if one.domain and one.domain == other.domain:
        return True
    return fuzz.token_sort_ratio(one.name.casefold(), other.name.casefold()) >= _ALIKE_NAMES


def has_anything(profile: Profile) -> bool:
    """Whether there is something to compare by."""
    return any(
        (profile.industry, profile.category, profile.size, profile.employees, profile.country)
    ) or bool(profile.technologies or profile.words)


# A feature: how alike, 0 to 1, and the sentence; None where nothing is known of the first.
Feature = tuple[float, str] | None


def _compare_technologies(seed: Profile, other: Profile, rarity: Rarity) -> Feature:
    if not seed.technologies:
        return None
    share, common = _share(seed.technologies, other.technologies, rarity, "tech ")
    return share, f"Both use {_join(common)}."


def _compare_words(seed: Profile, other: Profile, rarity: Rarity) -> Feature:
    if not seed.words:
        return None
    share, common = _share(seed.words, other.words, rarity, "")
    quoted = _join([f'"{each}"' for each in common])
    return share, f"Both describe themselves with {quoted}."


def _share(
    ours: frozenset[str], theirs: frozenset[str], rarity: Rarity, prefix: str
) -> tuple[float, list[str]]:
    """How much of the weight of both is in common, and the rarest of what is."""
    weights = {each: rarity.weigh(prefix + each) for each in ours | theirs}
    common = sorted(ours & theirs, key=lambda each: (-weights[each], each))
    share = sum(weights[each] for each in common) / sum(weights.values())
    return share, common[:_NAMED]


def _compare_industry(ours: str, theirs: str) -> Feature:
    if not ours:
        return None
    if not theirs:
        return 0.0, ""
    if ours.casefold() == theirs.casefold():
        return 1.0, f"Both are in the industry {ours}."
    ratio = fuzz.token_set_ratio(ours.casefold(), theirs.casefold())
    if ratio < _ALIKE_INDUSTRIES:
        return 0.0, ""
    return ratio / 100 * 0.9, f"Their industries are near: {ours} and {theirs}."


def _compare_same(ours: str, theirs: str, sentence: str) -> Feature:
    if not ours:
        return None
    return (1.0, sentence.format(ours)) if ours.casefold() == theirs.casefold() else (0.0, "")


def _compare_size(seed: Profile, other: Profile) -> Feature:
    if seed.employees and other.employees:
        octaves = abs(math.log2(seed.employees / other.employees))
        share = max(0.0, 1 - octaves / _OCTAVES)
        return share, f"They are of similar size: {seed.employees} and {other.employees} people."
    if not seed.employees and not seed.size:
        return None
    is_same = bool(seed.size) and seed.size.casefold() == other.size.casefold()
    return (1.0, f"Both have {seed.size} people.") if is_same else (0.0, "")


def _join(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
