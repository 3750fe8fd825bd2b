"""Where companies are looked for: a search service, or pages that list companies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from graphs.sales.discovery.elsewhere import is_elsewhere
from graphs.sales.web import (
    DATA,
    PAGES,
    Fetcher,
    FetchFailed,
    Page,
    fetch_page,
    find_site,
    is_same_site,
    parse_url,
    read_page,
)

URL = "SALES_SEARCH_URL"
_MOST_PAGES = 5
_MOST_RESULTS = 1000


class SearchMissing(ValueError):
    """No search service is set; the text says what to set."""


class SearchFailed(RuntimeError):
    """The search service gives no results that can be read; the text says why."""


@dataclass(frozen=True)
class Candidate:
    """A site that may be a company's, and the page that led to it."""

    domain: str
    source: str
    title: str = ""


async def search_companies(
    web: Fetcher, query: str, most: int, environment: Mapping[str, str] = os.environ
) -> list[Candidate]:
    """Sites that the search service of the settings finds, each once, best first.

    Raises:
        SearchMissing: none is set.
        SearchFailed: it does not answer, or in no known format.
    """
    template = environment.get(URL, "")
    if "{query}" not in template:
        raise SearchMissing(
            f"Set {URL} in the pool's environment to a search service, with {{query}} where the "
            "words go: a SearXNG such as http://searxng:8080/search?q={query}&format=json&pageno="
            "{page}, or a directory whose pages link to companies. Or send domains."
        )
    found: dict[str, Candidate] = {}
    for number in range(1, _MOST_PAGES + 1):
        url = template.replace("{query}", quote(query, safe="")).replace("{page}", str(number))
        page = await _fetch_results(web, url)
        new = [each for each in page if each.domain not in found]
        found |= {each.domain: each for each in new}
        if not new or len(found) >= most or "{page}" not in template:
            break
    return list(found.values())[:most]


async def list_companies(web: Fetcher, url: str) -> list[Candidate]:
    """The sites that a public page links to, such as that of an association or a fair.

    Raises:
        FetchFailed: it cannot be read.
    """
    return list(read_listing(await fetch_page(web, url), url))


def read_listing(page: Page, source: str) -> Iterator[Candidate]:
    """The companies that a page links to, each once. Pure."""
    seen: set[str] = set()
    for link in page.links:
        target = _unwrap(link.url)
        if not is_same_site(target, page.url):
            yield from _as_candidate(target, source, link.text, seen)


async def _fetch_results(web: Fetcher, url: str) -> list[Candidate]:
    try:
        answer = await web.get_own(url, (*DATA, *PAGES))
    except FetchFailed as failure:
        raise SearchFailed(f"The search service of {URL} fails: {failure}") from None
    source = f"search:{httpx.URL(answer.url).host}"
    if answer.content_type.partition(";")[0].strip().lower() not in DATA:
        return list(read_listing(read_page(answer.url, answer.text), source))
    try:
        results = json.loads(answer.text)["results"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise SearchFailed(
            f'The search service of {URL} answers in JSON without "results"; SearXNG\'s format is '
            'read: {"results": [{"url": ..., "title": ...}]}.'
        ) from None
    return list(_read_results(results, source))


def _read_results(results: Any, source: str) -> Iterator[Candidate]:
    seen: set[str] = set()
    for each in results[:_MOST_RESULTS] if isinstance(results, list) else []:
        if isinstance(each, Mapping) and isinstance(each.get("url"), str):
            yield from _as_candidate(each["url"], source, str(each.get("title") or ""), seen)


def _as_candidate(url: str, source: str, title: str, seen: set[str]) -> Iterator[Candidate]:
    try:
        domain = find_site(parse_url(url).host)
    except FetchFailed:
        return
    if "." in domain and domain not in seen and not is_elsewhere(domain):
        seen.add(domain)
        yield Candidate(domain, source[:200], title[:300])


def _unwrap(url: str) -> str:
    """Where a link that counts its readers leads: `/go?to=https%3A%2F%2Facme.example`."""
    values = httpx.URL(url).params.values()
    return next((each for each in values if each.startswith(("http://", "https://"))), url)
