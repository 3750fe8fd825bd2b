"""Technologies by their fingerprints: what a site sends, what its pages load, what people write.

Pure. The fingerprints are in ``fingerprints.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_MOST_HTML = 1_000_000
_MOST_TEXT = 200_000
_MOST_EVIDENCE = 3
_QUOTE = 60
_LONGEST = 200
# How sure one hit of each kind is. A server says what it is; a text may tell of somebody else.
_SURE = {"header": 0.95, "generator": 0.95, "link": 0.9, "cookie": 0.85, "html": 0.8, "text": 0.6}
_IMPLIED = 0.9


@dataclass(frozen=True)
class Signals:
    """What is looked at. Names of headers in lower case; `html` is the source, `text` prose."""

    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[str] = ()
    generators: Sequence[str] = ()
    links: Sequence[str] = ()
    html: str = ""
    text: str = ""


@dataclass(frozen=True)
class Tech:
    """One technology. `evidence` says where it was seen: `header x-powered-by: Express`."""

    name: str
    category: str
    confidence: float
    evidence: tuple[str, ...]
    version: str | None = None


@dataclass(frozen=True)
class _Fingerprint:
    name: str
    category: str
    headers: Mapping[str, re.Pattern[str]]
    generators: Sequence[re.Pattern[str]]
    links: Sequence[re.Pattern[str]]
    cookies: Sequence[re.Pattern[str]]
    html: Sequence[re.Pattern[str]]
    text: Sequence[re.Pattern[str]]
    implies: Sequence[str]


@dataclass(frozen=True)
class _Hit:
    """One place where a fingerprint was seen."""

    kind: str
    evidence: str
    version: str | None = None


def find_tech(signals: Signals) -> list[Tech]:
    """What is there, the surest first; what one implies is there too, a little less surely."""
    found: dict[str, Tech] = {}
    for fingerprint in load_fingerprints().values():
        hits = list(_look(fingerprint, signals))
        if hits:
            found[fingerprint.name] = _make_tech(fingerprint, hits)
    for name in list(found):
        _imply(found, name)
    return sorted(found.values(), key=lambda tech: (-tech.confidence, tech.name))


def _look(fingerprint: _Fingerprint, signals: Signals) -> Iterator[_Hit]:
    for name, pattern in fingerprint.headers.items():
        value = signals.headers.get(name)
        if value is not None and (match := pattern.search(value)):
            yield _Hit("header", _shorten(f"header {name}: {value}"), _version(match))
    for kind, patterns, texts in (
        ("generator", fingerprint.generators, signals.generators),
        ("link", fingerprint.links, signals.links),
        ("cookie", fingerprint.cookies, signals.cookies),
    ):
        for pattern in patterns:
            match, text = _search_each(pattern, texts)
            if match:
                yield _Hit(kind, _shorten(f"{kind} {text}"), _version(match))
    for pattern in fingerprint.html:
        if match := pattern.search(signals.html, 0, _MOST_HTML):
            yield _Hit("html", _shorten(f"html {match.group(0)}"), _version(match))
    for pattern in fingerprint.text:
        if match := pattern.search(signals.text, 0, _MOST_TEXT):
            yield _Hit("text", f"text {_quote(signals.text, match)}")


def _search_each(
    pattern: re.Pattern[str], texts: Sequence[str]
) -> tuple[re.Match[str] | None, str]:
    """The first text that has it; one that tells the version before others."""
    matches = [(match, text) for text in texts if (match := pattern.search(text))]
    told = [pair for pair in matches if _version(pair[0])]
    best = told or matches
    return best[0] if best else (None, "")


def _make_tech(fingerprint: _Fingerprint, hits: Sequence[_Hit]) -> Tech:
    """Hits of several kinds make it surer, more of one kind do not."""
    doubt = 1.0
    for kind in {hit.kind for hit in hits}:
        doubt *= 1 - _SURE[kind]
    return Tech(
        name=fingerprint.name,
        category=fingerprint.category,
        confidence=round(1 - doubt, 3),
        evidence=tuple(dict.fromkeys(hit.evidence for hit in hits))[:_MOST_EVIDENCE],
        version=next((hit.version for hit in hits if hit.version), None),
    )


def _imply(found: dict[str, Tech], name: str) -> None:
    for implied in load_fingerprints()[name].implies:
        if implied not in found:
            category = load_fingerprints()[implied].category
            sure = round(found[name].confidence * _IMPLIED, 3)
            found[implied] = Tech(implied, category, sure, (f"implied by {name}",))
            _imply(found, implied)


def _version(match: re.Match[str]) -> str | None:
    return (match.group(1) or None) if match.re.groups else None


def _quote(text: str, match: re.Match[str]) -> str:
    """The words around a hit, cut at spaces."""
    start, end = max(0, match.start() - _QUOTE), min(len(text), match.end() + _QUOTE)
    before, after = text[start : match.start()], text[match.end() : end]
    before = before.split(" ", 1)[-1] if start else before
    after = after.rsplit(" ", 1)[0] if end < len(text) and " " in after else after
    return " ".join(f"{before}{match.group(0)}{after}".split())


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


@cache
def load_fingerprints() -> Mapping[str, _Fingerprint]:
    """The table, compiled once."""
    path = Path(__file__).with_name("fingerprints.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _read(name, entry) for name, entry in table.items()}


def _read(name: str, entry: Mapping[str, object]) -> _Fingerprint:
    def several(key: str, flags: int = re.IGNORECASE) -> list[re.Pattern[str]]:
        given = entry.get(key, [])
        texts = [given] if isinstance(given, str) else given
        assert isinstance(texts, list)
        return [re.compile(text, flags) for text in texts]

    headers = entry.get("headers", {})
    implies = entry.get("implies", [])
    assert isinstance(headers, dict)
    assert isinstance(implies, list)
    return _Fingerprint(
        name=name,
        category=str(entry["category"]),
        headers={key: re.compile(text, re.IGNORECASE) for key, text in headers.items()},
        generators=several("generator"),
        links=several("links"),
        cookies=several("cookies"),
        html=several("html"),
        text=several("text", 0),
        implies=implies,
    )
