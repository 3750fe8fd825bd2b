"""Whether a short text is the name of a person, or a job title. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from graphs.sales import titles
from graphs.sales.web.words import load_words

_LONGEST_NAME = 60
_LONGEST_TITLE = 120
_PART = re.compile(r"[^\W\d_]+(?:['’.\-][^\W\d_]+)*[.'’]?")
_EASTERN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_EASTERN_NAME = re.compile(r"[^\W\d_]{2,5}|[^\W\d_]{1,5}[ 　・][^\W\d_]{1,6}")
_BETWEEN = re.compile(r"\s*(?:\s[-–—|·•/]\s|[,;:|·•\n]|\s@\s)\s*")


def read_name(text: str) -> str | None:
    """The name that `text` is, without titles and degrees, or None when it is none.

    Two to five parts with capitals, as names are written in alphabets that have them; names in
    Chinese, Japanese and Korean characters are short.
    """
    text = unicodedata.normalize("NFC", " ".join(text.split())).strip(" ,;:|-–—")
    if not text or len(text) > _LONGEST_NAME:
        return None
    if _EASTERN.search(text):
        return text if _EASTERN_NAME.fullmatch(text) and not is_title(text) else None
    words = load_words()
    parts = _strip_titles(text)
    if not 2 <= len(parts) <= 6 or any(_bare(each) in words.never for each in parts):
        return None
    if not all(_PART.fullmatch(each) for each in parts):
        return None
    large = [each for each in parts if each.lower() not in words.particles]
    if len(large) < 2 or not (parts[0][0].isupper() and all(each[0].isupper() for each in large)):
        return None
    name = " ".join(_settle_case(each) for each in parts) if text.isupper() else " ".join(parts)
    return None if _names_work(parts) else name


def is_title(text: str) -> bool:
    """Whether a text is a job title and nothing else."""
    if not 2 <= len(text) <= _LONGEST_TITLE:
        return False
    return bool(load_words().eastern_title.search(text)) or titles.is_title(text)


def _names_work(parts: Sequence[str]) -> bool:
    """Whether a rank or a department is among the parts that could be a name.

    Some are names too: a family is called Brand, and somebody Ai.
    """
    words, (first, *_, last) = load_words(), parts
    told = set(titles.read_title(" ".join(parts)).evidence)
    if first.lower() in words.also_given and not first.isupper():
        told.discard(first.lower())
    if last.lower() in words.also_family:
        told.discard(last.lower())
    return bool(told)


def split_name(text: str) -> tuple[str, str] | None:
    """Name and title of a line that has both: `Dana Reyes, Head of Sales`; either order."""
    if len(text) > _LONGEST_NAME + _LONGEST_TITLE:
        return None
    first, *rest = _BETWEEN.split(text, maxsplit=1)
    if not rest or not rest[0]:
        return None
    for name, title in ((first, rest[0]), (rest[0], first)):
        found = read_name(name)
        if found and is_title(title):
            return found, title.strip(" ,;:|-–—")
    return None


def make_name_key(name: str) -> str:
    """The same for two spellings of one name: no accents, no case, no punctuation, any order."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss").replace("ø", "o"))
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(sorted(re.findall(r"[^\W\d_]+", letters)))


def _strip_titles(text: str) -> list[str]:
    """The parts of a name without `Dr.` before it and `PhD, MBA` after it.

    Empty when something else than degrees stands behind a comma.
    """
    words = load_words()
    name, *after = re.sub(r"\s*\(.*?\)", "", text).split(",")
    if any(_bare(each) not in words.suffixes | words.degrees for each in " ".join(after).split()):
        return []
    parts = name.split()
    while len(parts) > 1 and _is_honorific(parts[0]):
        parts.pop(0)
    while len(parts) > 1 and _bare(parts[-1]) in words.suffixes:
        parts.pop()
    return parts


def _is_honorific(part: str) -> bool:
    words, bare = load_words(), _bare(part)
    return bare in words.honorifics or (part.endswith(".") and bare in words.abbreviations)


def _bare(part: str) -> str:
    return part.lower().strip(".,()")


def _settle_case(part: str) -> str:
    if part.lower() in load_words().particles:
        return part.lower()
    return "-".join(each.capitalize() for each in part.split("-"))
