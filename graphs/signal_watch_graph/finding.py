"""What pages of a company say that has just happened to it. Pure.

Only headlines of news and postings of jobs are read: a sentence of the front page advertises.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from babel import Locale

from graphs.sales.titles import read_title
from graphs.sales.web import Link, Page
from graphs.sales.web.names import is_title
from graphs.sales.web.pages import find_kinds

_TABLE: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("signals.toml").read_text(encoding="utf-8")
)
KINDS: tuple[str, ...] = tuple(_TABLE["kinds"])
_PATTERNS = {kind: re.compile("|".join(each)) for kind, each in _TABLE["kinds"].items()}
_NOTHING = re.compile("|".join(_TABLE["nothing"]))
_NEWS = frozenset(_TABLE["news"])

_SHORTEST, _LONGEST = 12, 250
_MOST_JOBS = 20
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl")
_ARTICLES = ("NewsArticle", "BlogPosting", "Article", "PressRelease")
# How sure a title is that names a department alone: on a careers page such a link is a heading,
# or another page of the site ("Privacy policy").
_DEPARTMENT_ALONE = 0.5
# How many lines around a headline its day may stand.
_NEAR = 2


@dataclass(frozen=True)
class Signal:
    """`evidence` is the headline or the job's title; `at` is its day, None where nobody says it.

    `note` says it as a salesperson would note it.
    """

    kind: str
    url: str
    evidence: str
    at: date | None
    note: str


def choose_pages(home: Page, most: int) -> list[str]:
    """The pages of a site that have news or jobs on them, in the order of its links."""
    found: dict[str, None] = {}
    for link in home.links:
        if is_news(link.url, link.text) or "careers" in find_kinds(link.url, [link.text]):
            found.setdefault(link.url)
    return list(found)[:most]


def is_news(url: str, text: str = "") -> bool:
    """Whether an address or the words of a link lead to news: `/news`, `/de/presse/`."""
    parts = [unquote(each).lower() for each in urlsplit(url).path.split("/") if each]
    return bool(_NEWS & set(parts[-2:])) or text.strip().lower() in _NEWS


def find_signals(page: Page, kinds: Iterable[str], since: date) -> list[Signal]:
    """Each headline and each job once. What is older than `since` is left out."""
    wanted = frozenset(kinds)
    found: dict[tuple[str, str], Signal] = {}
    for signal in [*_find_jobs(page), *_find_news(page)]:
        is_old = signal.at is not None and signal.at < since
        if signal.kind in wanted and not is_old:
            found.setdefault((signal.kind, signal.evidence.casefold()), signal)
    return list(found.values())


def classify(headline: str) -> str | None:
    """The kind of a headline, or None where it says nothing of the company."""
    text = " ".join(headline.lower().replace("\u2019", "'").split())
    if not _SHORTEST <= len(text) <= _LONGEST or _NOTHING.search(text):
        return None
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(text)), None)


def _find_news(page: Page) -> Iterator[Signal]:
    for node in page.data.list_typed(*_ARTICLES):
        headline = page.data.find_text(node, "headline", "name")
        if kind := classify(headline):
            at = read_day(page.data.find_text(node, "datePublished", "dateCreated"))
            url = page.data.find_text(node, "url", "mainEntityOfPage") or page.url
            yield Signal(kind, url, headline, at, headline)
    if not is_news(page.url):
        return
    lines = page.text.split("\n")
    for headline, url in _list_headlines(page):
        if kind := classify(headline):
            yield Signal(kind, url, headline, _find_day(lines, headline, url), headline)


def _list_headlines(page: Page) -> Iterator[tuple[str, str]]:
    """Headings and the words of links; a heading that is a link leads where that does."""
    links = {" ".join(link.text.split()): link.url for link in page.links}
    for heading in page.headings:
        yield heading, links.pop(heading, page.url)
    yield from links.items()


def _find_jobs(page: Page) -> Iterator[Signal]:
    """Postings by JSON-LD, else the links of a careers page that read like job titles."""
    postings = page.data.list_typed("JobPosting")
    for node in postings[:_MOST_JOBS]:
        title = page.data.find_text(node, "title", "name")
        if title:
            at = read_day(page.data.find_text(node, "datePosted"))
            yield _make_job(title, page.data.find_text(node, "url") or page.url, at)
    if postings or "careers" not in page.kinds:
        return
    titles = [link for link in page.links if _is_job(link)]
    for link in titles[:_MOST_JOBS]:
        yield _make_job(" ".join(link.text.split()), link.url, None)


def _is_job(link: Link) -> bool:
    if len(link.text) > _LONGEST or " " not in link.text.strip() or not is_title(link.text):
        return False
    return not 0 < read_title(link.text).confidence <= _DEPARTMENT_ALONE


def _make_job(title: str, url: str, at: date | None) -> Signal:
    article = "an" if title[:1].lower() in "aeiou" else "a"
    return Signal("hiring", url, title, at, f"hiring {article} {title}")


def _find_day(lines: Sequence[str], headline: str, url: str) -> date | None:
    """In the address (`/2026/11/`), else in the lines around the headline."""
    if found := re.search(r"/(20\d\d)/(\d\d?)(?:/(\d\d?))?/", url):
        year, month, day = found.groups(default="1")
        return _make_day(int(year), int(month), int(day))
    for at, line in enumerate(lines):
        if headline in line:
            near = [line, *lines[at + 1 : at + 1 + _NEAR], *lines[max(0, at - _NEAR) : at][::-1]]
            return next((day for day in map(read_day, near) if day), None)
    return None


def read_day(text: str) -> date | None:
    """The first day of a text: ISO, 24.11.2026, `24 November 2026`, `November 24, 2026`.

    Months are known in eight languages. Days such as 11/24/2026 are left: who wrote them may mean
    either.
    """
    if found := re.search(r"\b(20\d\d)-(\d\d)-(\d\d)", text):
        return _make_day(*map(int, found.groups()))
    if found := re.search(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(20\d\d)\b", text):
        day, month, year = map(int, found.groups())
        return _make_day(year, month, day)
    name = r"([^\W\d_]{3,12})\.?"
    for pattern, order in (
        (rf"\b(\d{{1,2}})(?:\.|st|nd|rd|th|º|er)?\s(?:de\s)?{name},?\s(?:de\s)?(20\d\d)\b", "dmy"),
        (rf"\b{name}\s(\d{{1,2}})(?:st|nd|rd|th)?,?\s(20\d\d)\b", "mdy"),
    ):
        for found in re.finditer(pattern, text):
            parts = dict(zip(order, found.groups(), strict=True))
            if number := _list_months().get(parts["m"].lower()):
                return _make_day(int(parts["y"]), number, int(parts["d"]))
    return None


def _make_day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@cache
def _list_months() -> Mapping[str, int]:
    return {
        str(name).lower().rstrip("."): number
        for language in reversed(_LANGUAGES)
        for width in ("wide", "abbreviated")
        for number, name in Locale(language).months["format"][width].items()
    }
