"""A page as the graphs use one, read from its HTML. Pure; up to a second for a page of 5 MB."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

import httpx
from selectolax.lexbor import LexborHTMLParser
from w3lib.html import get_meta_refresh

from graphs.sales.web.lines import read_line, read_lines, remove_unseen
from graphs.sales.web.mails import FoundMail, find_mails, read_address
from graphs.sales.web.people import FoundPerson, find_people
from graphs.sales.web.structured import Data, read_data
from graphs.sales.web.urls import join_url, make_key
from graphs.sales.web.words import load_words

_MOST_LINKS = 2000
_MOST_HEADINGS = 200
_MOST_TEXT = 200_000
_LITTLE_TEXT = 200
_ASIDE = "nav, footer, aside, form, dialog, [role=navigation], [role=dialog], [class*=cookie i]"
_APP_ROOTS = "#root, #app, #__next, #__nuxt, app-root, [data-reactroot], [ng-app]"


@dataclass(frozen=True)
class Link:
    """Where a link leads, without its fragment, and what it says."""

    url: str
    text: str


@dataclass(frozen=True)
class Page:
    """What a page says. `text` has one line for each block, menus and footers left out.

    `kinds` are of team, careers, pricing, contact, imprint, about. `needs_javascript`: a program
    would write the page in the browser, and nothing of it is here. `digest` is the same for pages
    of the same text.
    """

    url: str
    title: str = ""
    description: str = ""
    site_name: str = ""
    language: str = ""
    headings: tuple[str, ...] = ()
    text: str = ""
    links: tuple[Link, ...] = ()
    mails: tuple[FoundMail, ...] = ()
    phones: tuple[str, ...] = ()
    people: tuple[FoundPerson, ...] = ()
    kinds: frozenset[str] = frozenset()
    data: Data = field(default_factory=Data)
    needs_javascript: bool = False
    may_follow: bool = True
    digest: str = ""


def read_page(url: str, html: str) -> Page:
    """The page at `url`; broken HTML is read as browsers read it."""
    tree = LexborHTMLParser(html)
    base = _find_base(tree, url)
    meta = _read_meta(tree)
    data = read_data(tree, base)
    links = list(_read_links(tree, base, html))
    is_app = _needs_scripts(tree)
    remove_unseen(tree)
    headings = [
        line for node in tree.css("h1, h2, h3")[:_MOST_HEADINGS] if (line := read_line(node))
    ]
    title = meta.get("title", "")
    first = [read_line(node) for node in tree.css("h1, h2")[:10]]
    kinds = find_kinds(url, [title, *first])
    mails = _list_mails(tree, data)
    phones = dict.fromkeys(
        unquote(node.attributes.get("href") or "")[4:].strip()[:40]
        for node in tree.css('a[href^="tel:" i]')
    )
    people = find_people(tree, data, base, "imprint" in kinds)
    text = _read_text(tree)[:_MOST_TEXT]
    return Page(
        url=url,
        title=title[:500],
        description=(meta.get("description") or meta.get("og:description") or "")[:1000],
        site_name=meta.get("og:site_name", "")[:300],
        language=meta.get("language", ""),
        headings=tuple(each[:300] for each in headings),
        text=text,
        links=tuple(links[:_MOST_LINKS]),
        mails=tuple(mails),
        phones=tuple(each for each in phones if each),
        people=tuple(people),
        kinds=frozenset(kinds),
        data=data,
        needs_javascript=is_app and len(text) < _LITTLE_TEXT,
        may_follow="nofollow" not in meta.get("robots", "").lower(),
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def find_kinds(url: str, headings: Sequence[str]) -> set[str]:
    """The kinds of a page by the last parts of its address, and by its title and first headings."""
    parts = [
        re.sub(r"\.\w+$", "", each.lower()) for each in unquote(httpx.URL(url).path).split("/")
    ]
    said = {re.split(r"\s[|–—·-]\s", line.lower())[0].strip(" .:!") for line in headings}
    kinds = set()
    for kind, words in load_words().pages.items():
        if words.path & set(parts[-2:]) or words.heading & said:
            kinds.add(kind)
    return kinds


def rank_link(link: Link) -> int:
    """0 for the links that say most about a company and its people, more for the others."""
    kinds = find_kinds(link.url, [link.text])
    first = ("team", "imprint", "contact", "about", "careers", "pricing")
    return next((rank for rank, kind in enumerate(first) if kind in kinds), len(first))


def _find_base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return (join_url(url, node.attributes.get("href") or "") if node else None) or url


def _read_meta(tree: LexborHTMLParser) -> dict[str, str]:
    """Lower-case names of meta tags with their contents; `title` and `language` too."""
    found: dict[str, str] = {}
    for node in tree.css("meta[content]")[:300]:
        name = (node.attributes.get("name") or node.attributes.get("property") or "").lower()
        found.setdefault(name, " ".join((node.attributes.get("content") or "").split()))
    title, root = tree.css_first("title"), tree.css_first("html[lang]")
    found["title"] = " ".join(title.text().split()) if title else ""
    language = (root.attributes.get("lang") or "") if root else ""
    found["language"] = language.strip().lower()[:2] if re.match(r"[a-zA-Z]{2}\b", language) else ""
    return found


def _read_links(tree: LexborHTMLParser, base: str, html: str) -> Iterator[Link]:
    """Each page once, and where the page sends its reader by itself."""
    seen = set()
    _after, onward = get_meta_refresh(html[:20_000], base)
    targets = [(onward, "")] if onward else []
    for node in tree.css("a[href], area[href]"):
        if "nofollow" not in (node.attributes.get("rel") or ""):
            text = " ".join(node.text().split())
            targets.append(
                (node.attributes.get("href") or "", text or node.attributes.get("aria-label") or "")
            )
    for target, text in targets[: _MOST_LINKS * 2]:
        url = join_url(base, target)
        if url and (key := make_key(url)) not in seen:
            seen.add(key)
            yield Link(url, text[:200])


def _needs_scripts(tree: LexborHTMLParser) -> bool:
    if not tree.css_first("script"):
        return False
    said = " ".join(node.text() for node in tree.css("noscript")).lower()
    return tree.css_first(_APP_ROOTS) is not None or "javascript" in said


def _list_mails(tree: LexborHTMLParser, data: Data) -> list[FoundMail]:
    found = {each.address: each for each in (find_mails(tree.body) if tree.body else [])}
    for node in data.nodes:
        for value in data.list_values(node, "email"):
            address = read_address(str(value).removeprefix("mailto:"))
            if address:
                found.setdefault(address, FoundMail(address, "data"))
    return list(found.values())


def _read_text(tree: LexborHTMLParser) -> str:
    body = tree.body
    if body is None:
        return ""
    everything = read_lines(body)
    for node in tree.css(_ASIDE):
        node.decompose()
    main = read_lines(body)
    return "\n".join(main if sum(map(len, main)) >= _LITTLE_TEXT else everything)
