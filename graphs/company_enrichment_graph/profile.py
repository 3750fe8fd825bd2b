"""The facts about a company in its pages: what it tells machines and readers. Pure.

The words are in ``profile.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphs.company_enrichment_graph.classifying import Words, find_industry
from graphs.sales.categories import UNKNOWN, choose_category
from graphs.sales.countries import read_country
from graphs.sales.web import Page

_TABLE = tomllib.loads(Path(__file__).with_name("profile.toml").read_text(encoding="utf-8"))
_ORGANISATIONS: tuple[str, ...] = tuple(_TABLE["organisations"])
_NETWORKS = {
    name: re.compile(rf"^https?://(?:[\w-]+\.)?{pattern}", re.IGNORECASE)
    for name, pattern in _TABLE["networks"].items()
}
_COUNT = re.compile(
    r"(?<![\d.,/-])(?P<count>\d{1,3}(?:[.,'’ ]\d{3})+|\d{1,6})\s*\+?\s+(?:[^\W\d]+[- ]){0,3}"
    rf"(?:{'|'.join(_TABLE['staff'])})\b",
    re.IGNORECASE,
)
_TEAM_OF = re.compile(
    r"\bteam (?:of|von|de|di|van) (?:about |around |over |rund |über )?(\d{1,5})\b", re.IGNORECASE
)
_FOUNDED = re.compile(
    rf"\b(?:{'|'.join(_TABLE['founded'])})(?: in| en| im| nel| since)?[ :]+((?:1[89]|20)\d\d)\b",
    re.IGNORECASE,
)
_VAT = re.compile(rf"\b(?:{'|'.join(_TABLE['vat'])})\b")
_REGISTER = re.compile(r"\bHR[AB]\s?\d{2,6}\b")
_BANDS = (
    (10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"), (1000, "501-1000"),
    (5000, "1001-5000"), (10_000, "5001-10000"),
)  # fmt: skip
_MOST_STAFF = 3_000_000
_MOST_TEXT = 20_000
_QUOTE = 80


@dataclass(frozen=True)
class Finding:
    """One thing found out. `field` is a column of companies, or the name of a detail.

    `evidence` is the passage it was read from, or the words that speak for it.
    """

    field: str
    value: Any
    source: str
    confidence: float
    evidence: str


# Columns of companies; everything else is a detail.
COLUMNS = ("name", "description", "country", "employees", "size", "industry", "category")


def read_profile(pages: Sequence[Page]) -> list[Finding]:
    """All that the pages say, of each field the surest; the first page is the home page."""
    found: dict[str, Finding] = {}
    for finding in _list_findings(pages):
        known = found.get(finding.field)
        if known is None or finding.confidence > known.confidence:
            found[finding.field] = finding
    if employees := found.get("employees"):
        found["size"] = _make_size(employees)
    return list(found.values())


def make_band(employees: int) -> str:
    """The usual band of a number of employees."""
    return next((name for most, name in _BANDS if employees <= most), "10001+")


def _list_findings(pages: Sequence[Page]) -> Iterator[Finding]:
    for page in pages:
        yield from _read_organisation(page)
        yield from _read_text(page)
        yield from _read_networks(page)
    yield from _read_words(pages)
    if pages and len(pages[0].description) >= 40:
        home = pages[0]
        yield Finding("description", home.description, home.url, 0.7, "meta description")


def _read_organisation(page: Page) -> Iterator[Finding]:
    """JSON-LD and microdata: the site says it of itself, to machines."""
    data = page.data
    for node in data.list_typed(*_ORGANISATIONS):
        if not (node.get("address") or node.get("logo") or node.get("url")):
            continue
        texts = {
            "name": data.find_text(node, "legalName", "name"),
            "description": data.find_text(node, "description"),
            "phone": data.find_text(node, "telephone")[:40],
            "founded": data.find_text(node, "foundingDate")[:4],
            "vat": data.find_text(node, "vatID")[:40],
        }
        for field, text in texts.items():
            if text:
                yield Finding(field, text[:1000], page.url, 0.9, f"JSON-LD {field}: {text[:120]}")
        for address in data.list_values(node, "address"):
            if isinstance(address, dict):
                said = data.find_text(address, "addressCountry")
                city = data.find_text(address, "addressLocality")[:120]
                if country := read_country(said):
                    told = f"JSON-LD addressCountry: {said}"
                    yield Finding("country", country, page.url, 0.9, told)
                if city:
                    yield Finding("city", city, page.url, 0.9, f"JSON-LD addressLocality: {city}")
        for staff in data.list_values(node, "numberOfEmployees"):
            value = (
                staff.get("value") or staff.get("minValue") if isinstance(staff, dict) else staff
            )
            if (count := _read_count(str(value))) is not None:
                yield Finding("employees", count, page.url, 0.9, f"JSON-LD employees: {count}")


def _read_text(page: Page) -> Iterator[Finding]:
    """What the page tells its readers."""
    is_own = bool(page.kinds & {"about", "careers", "team"})
    for match in _COUNT.finditer(page.text):
        count = _read_count(match["count"])
        if count is not None and count > 1 and not 1900 <= count <= 2100:
            sure = 0.75 if is_own else 0.6
            yield Finding("employees", count, page.url, sure, _quote(page.text, match))
            break
    if found := _TEAM_OF.search(page.text):
        yield Finding("employees", int(found[1]), page.url, 0.5, _quote(page.text, found))
    if found := _FOUNDED.search(page.text):
        sure = 0.7 if is_own or "imprint" in page.kinds else 0.5
        yield Finding("founded", found[1], page.url, sure, _quote(page.text, found))
    if page.kinds & {"imprint", "contact"}:
        yield from _read_imprint(page)
    if page.phones:
        sure = 0.7 if page.kinds & {"contact", "imprint"} else 0.5
        yield Finding("phone", page.phones[0], page.url, sure, f"tel: link {page.phones[0]}")


def _read_imprint(page: Page) -> Iterator[Finding]:
    """The numbers that the law asks for; that of the tax names the country."""
    if found := _VAT.search(page.text):
        evidence = _quote(page.text, found)
        yield Finding("vat", found[0], page.url, 0.85, evidence)
        yield Finding("country", found[0][:2], page.url, 0.85, evidence)
    if found := _REGISTER.search(page.text):
        yield Finding("register", found[0], page.url, 0.85, _quote(page.text, found))


def _read_networks(page: Page) -> Iterator[Finding]:
    for link in page.links:
        for name, pattern in _NETWORKS.items():
            if pattern.search(link.url):
                yield Finding(name, link.url, page.url, 0.7, f"link {link.url[:120]}")


def _read_words(pages: Sequence[Page]) -> Iterator[Finding]:
    """Industry and category, by the words of all pages and of the first one."""
    words = [
        Words(page.url, "\n".join([page.title, page.description, *page.headings[:10]]), page.text)
        for page in pages
    ]
    if industry := find_industry(words):
        told = f"words: {', '.join(industry.words)}"
        yield Finding("industry", industry.name, industry.source, industry.confidence, told)
    if not pages:
        return
    home = pages[0]
    text = "\n".join([home.description, *home.headings, home.text[:_MOST_TEXT]])
    category = choose_category(home.site_name or home.title, home.url, text)
    if category.category != UNKNOWN:
        told = f"words: {', '.join(category.reasons)}"
        yield Finding("category", category.category, home.url, category.confidence, told)


def _make_size(employees: Finding) -> Finding:
    band = make_band(int(employees.value))
    return Finding("size", band, employees.source, employees.confidence, employees.evidence)


def _read_count(text: str) -> int | None:
    digits = re.sub(r"[.,'’ ](?=\d{3}\b)", "", text.strip())
    if not digits.isdecimal() or not 0 < int(digits[:9]) <= _MOST_STAFF:
        return None
    return int(digits)


def _quote(text: str, match: re.Match[str]) -> str:
    """The words around what was found, cut at spaces."""
    start, end = max(0, match.start() - _QUOTE), min(len(text), match.end() + _QUOTE)
    before, after = text[start : match.start()], text[match.end() : end]
    before = before.split(" ", 1)[-1] if start else before
    after = after.rsplit(" ", 1)[0] if end < len(text) and " " in after else after
    return " ".join(f"{before}{match.group(0)}{after}".split())
