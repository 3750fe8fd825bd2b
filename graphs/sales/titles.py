"""What a job title says of a person: how high, in which department, how much they decide.

    read_title("Leiterin Einkauf (m/w/d)")       # head, procurement, authority 0.85
    read_title("Founder & CEO", employees=12)    # owner, management, authority 1.0

The words are in ``titles.toml``. Pure.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

Seniority = Literal[
    "owner", "c_level", "vp", "head", "director", "manager", "senior", "individual", "junior"
]  # fmt: skip

# A person of this authority or more can say yes by themselves.
DECIDES = 0.7
_LONGEST = 300
_SMALL, _MIDDLE = 50, 1000
_AUTHORITY_OF_UNKNOWN = 0.1
_LOWEST, _GENERAL, _NO_RANK = "junior", "management", "none"
# So many spaces are in a text that a full stop makes a sentence.
_SENTENCE = 4
# What companies are called has no more words.
_LONGEST_CALLED = 4
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
# "Leiter*in", "Leiter:in", "Directeur/trice", "Director(a)", "(m/w/d)": one person, one word.
_FORMS = re.compile(r"[*:_/(·]-?(?:innen|in|e|a|ra|euse|t?rice)\b\)?|\((?:[mwfdxhi]/)+[mwfdxhi]\)")
_OWNED = re.compile(r"\w+['’]s\b")
# Before whom somebody works for.
_EMPLOYER = re.compile(r",\s*|\s(?:at|bei|chez|@)\s+")
_BETWEEN = re.compile(r"[,;|•()\[\]\n/]|\s[-–—&+@]\s")


@dataclass(frozen=True)
class Position:
    """What a title says. `seniority` and `department` are None where it says nothing known.

    `authority` is how much a purchase depends on such a person, 0 to 1. `confidence` is how sure
    the reading is; `evidence` are the words that it is from, in lower case and without accents.
    """

    seniority: Seniority | None
    department: str | None
    authority: float
    confidence: float
    evidence: tuple[str, ...] = ()

    @property
    def is_decision_maker(self) -> bool:
        """Whether they can say yes by themselves."""
        return self.authority >= DECIDES


@dataclass(frozen=True)
class _Phrase:
    """One entry of the table. Of phrases that overlap the one of more letters counts, and one that
    is only the end of a word (`*leiter`) after all others.
    """

    pattern: re.Pattern[str]
    letters: int
    is_ending: bool
    meaning: str


@dataclass(frozen=True)
class _Found:
    meaning: str
    words: str
    start: int
    end: int

    def is_at_edge(self, part: str) -> bool:
        """Whether the part begins or ends with it."""
        return self.start == 0 or self.end == len(part)


@lru_cache(maxsize=4096)
def is_title(text: str) -> bool:
    """Whether a text is a title and nothing else: a word of one does not make it one.

    A rank does, outside of sentences. Departments do where nothing else is said:
    "Sales & Marketing" is a title, "Brand Story" is none. What a company is called makes no
    sentence: "CEO, We Are Social".
    """
    text = text[:_LONGEST]
    fronts = (text[: at.start()] for at in _EMPLOYER.finditer(text) if _is_called(text[at.end() :]))
    return _is_title_alone(text) or any(_is_title_alone(front) for front in fronts)


def _is_title_alone(text: str) -> bool:
    own = _drop_others(text)
    parts = [_keep_own(part) for part in _split(own)]
    words = " ".join(parts)
    is_said = text.endswith(("!", "?")) or (text.endswith(".") and words.count(" ") >= _SENTENCE)
    if is_said or _opens_sentence(own) or _SENTENCE_WORDS.search(words) or _LINK.search(words):
        return False
    if any(_names_rank(part) for part in parts):
        return True
    named = [found for part in parts for found in _find(_DEPARTMENTS, part)]
    is_sure = any(found.words not in _AMBIGUOUS for found in named)
    return is_sure and all(_is_known(part) for part in parts)


def _is_called(text: str) -> bool:
    """Whether it may be what a company is called: few words, all of them large, and no appeal."""
    words = text.split()
    is_large = all(not word[0].islower() for word in words)
    is_link = _opens_sentence(text) or text.endswith("!") or any(map(_LINK.search, _split(text)))
    return 0 < len(words) <= _LONGEST_CALLED and is_large and not is_link


def _opens_sentence(text: str) -> bool:
    """Whether it begins as no title does; "A/B" and "No-Code" are other words."""
    return bool(_OPENING.match(text.lower().translate(_UMLAUTS)))


def _names_rank(part: str) -> bool:
    """Whether it has a rank, and one that is said of people there."""
    return any(
        found.words not in _WEAK or _may_follow(part[found.end :].strip())
        for found in _find(_RANKS, part)
        if found.meaning != _NO_RANK
    )


def _may_follow(rest: str) -> bool:
    """Whether it may stand behind a weak rank."""
    departments = {found.words for found in _find(_DEPARTMENTS, rest)}
    is_department = _is_known(rest) and not departments & _AMBIGUOUS
    return not rest or rest.split()[0] in _AFTER or is_department


def _is_known(part: str) -> bool:
    """Whether all of it are ranks, departments and what may stand between them."""
    for found in (*_find(_DEPARTMENTS, part), *_find(_RANKS, part)):
        part = part[: found.start] + "#" * (found.end - found.start) + part[found.end :]
    return all(word in _FILLERS or not word.strip("#") for word in part.split())


def _drop_others(text: str) -> str:
    """The text without "the CEO's", without "it" and its like, unless they are capitals, and
    without "IS" and its like, where they alone are.
    """
    own = _OWNED.sub(" ", text)
    own = own if own.isupper() else _ABBREVIATIONS.sub(" ", own)
    return _CAPITALS.sub(lambda found: found.group() if found.group().isupper() else " ", own)


@lru_cache(maxsize=4096)
def read_title(title: str, employees: int | None = None) -> Position:
    """The position that a title names. `employees` is the size of the company, where it is known.

    Of several parts ("CTO & Co-Founder") the highest counts. What is over ("former CEO") and who
    is only named ("Assistant to the CEO") does not.
    """
    parts = [_keep_own(part) for part in _split(title)]
    ranks = [_find_rank(part) for part in parts]
    top = min((found for found in ranks if found), key=_order, default=None)
    # The department is that of the highest part, else of any: "Director, Sales" names it later.
    first = [part for part, found in zip(parts, ranks, strict=True) if top and found == top]
    named = [found for part in [*first, *parts] for found in _find(_DEPARTMENTS, part)]
    department = min(named, key=_is_general, default=None)
    if top is None and department is None:
        return Position(None, None, _AUTHORITY_OF_UNKNOWN, 0.0)
    seniority = cast(Seniority, top.meaning if top else "individual")
    of_all = _GENERAL if seniority in ("owner", "c_level") else None
    return Position(
        seniority=seniority,
        department=department.meaning if department else of_all,
        authority=_AUTHORITY[seniority][_size(employees)],
        confidence=0.9 if top else 0.5,
        evidence=tuple(dict.fromkeys(each.words for each in (top, department) if each)),
    )


def _find_rank(part: str) -> _Found | None:
    """The highest rank a part names; who is named first or last as somebody's help is that."""
    found = [each for each in _find(_RANKS, part) if each.meaning != _NO_RANK]
    help_ = next((f for f in found if f.meaning == _LOWEST and f.is_at_edge(part)), None)
    return help_ or min(found, key=_order, default=None)


def _is_general(found: _Found) -> bool:
    """Whether it is the department of those who have none: any other says more."""
    return found.meaning == _GENERAL


def _split(title: str) -> list[str]:
    """The parts of a title as the phrases are spelled."""
    text = _FORMS.sub("", title[:_LONGEST].lower().translate(_UMLAUTS))
    text = _PAIR.sub(" and ", text)
    return [part for part in (_spell(part) for part in _BETWEEN.split(text)) if part]


def _spell(text: str) -> str:
    """Letters without accents, and single spaces."""
    bare = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in bare if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^\w]+|_", " ", letters).split())


def _keep_own(part: str) -> str:
    """The part without what its owner was, and without whom they work for."""
    if past := _PAST.search(part):
        part = part[: past.start()]
    if other := _OF_OTHERS.search(part):
        part = part[: other.end()]
    return part


def _find(phrases: Sequence[_Phrase], part: str) -> list[_Found]:
    """What a part says, in its order; no two overlap."""
    found: list[_Found] = []
    for phrase in phrases:
        for match in phrase.pattern.finditer(part):
            start, end = match.span()
            if all(end <= each.start or start >= each.end for each in found):
                found.append(_Found(phrase.meaning, match.group(0), start, end))
    return sorted(found, key=lambda each: each.start)


def _order(found: _Found) -> int:
    return _ORDER.index(found.meaning)


def _size(employees: int | None) -> int:
    """Which of the three columns of `authority`; the middle one where nobody knows."""
    if employees is None:
        return 1
    return 0 if employees <= _SMALL else 1 if employees <= _MIDDLE else 2


def _compile(phrase: str) -> str:
    return r"\b" + r"\w*".join(re.escape(each) for each in phrase.split("*")) + r"\b"


def _list_phrases(meaning: str, phrases: Iterable[str]) -> list[_Phrase]:
    return [
        _Phrase(re.compile(_compile(each)), len(each), each.startswith("*"), meaning)
        for each in phrases
    ]


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(_compile(each) for each in phrases))


def _pair(phrase: str) -> str:
    """The "&" of "People & Culture", which parts no two departments."""
    first, second = phrase.split(" and ")
    return rf"(?<=\b{first})\s?[&+]\s?(?={second}\b)"


def _by_letters(phrases: Iterable[_Phrase]) -> list[_Phrase]:
    return sorted(phrases, key=lambda each: (each.is_ending, -each.letters))


_TABLE = tomllib.loads(Path(__file__).with_name("titles.toml").read_text(encoding="utf-8"))
_ORDER: tuple[str, ...] = tuple(_TABLE["seniority"])
_AUTHORITY: dict[str, list[float]] = {
    rank: entry["authority"] for rank, entry in _TABLE["seniority"].items()
}
_RANKS = _by_letters(
    phrase
    for rank, words in (
        (_NO_RANK, _TABLE["no_rank"]),
        *((rank, entry["phrases"]) for rank, entry in _TABLE["seniority"].items()),
    )
    for phrase in _list_phrases(rank, words)
)
_DEPARTMENTS = _by_letters(
    phrase for name, words in _TABLE["department"].items() for phrase in _list_phrases(name, words)
)
_PAST = _any_of(_TABLE["past"])
_OF_OTHERS = _any_of(_TABLE["of_others"])
_SENTENCE_WORDS = _any_of(_TABLE["sentence"])
_LINK = _any_of(_TABLE["link"])
_OPENING = re.compile(rf"\W*(?:{_any_of(_TABLE['opening']).pattern})(?=:?\s+[\"'“„«(]?\w)")
_ABBREVIATIONS = _any_of(_TABLE["abbreviations"])
_PAIR = re.compile(
    "|".join(
        _pair(phrase)
        for phrases in _TABLE["department"].values()
        for phrase in phrases
        if " and " in phrase
    )
)
_CAPITALS = re.compile(_any_of(_TABLE["capitals"]).pattern, re.IGNORECASE)
_WEAK, _AMBIGUOUS = frozenset(_TABLE["weak"]), frozenset(_TABLE["ambiguous"])
_AFTER, _FILLERS = frozenset(_TABLE["after"]), frozenset(_TABLE["between"])
DEPARTMENTS: tuple[str, ...] = tuple(_TABLE["department"])
