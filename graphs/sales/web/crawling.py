"""Read the pages of one site that say most about a company, within limits."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from graphs.sales.web.failures import FetchFailed
from graphs.sales.web.fetching import Fetcher
from graphs.sales.web.pages import Page, rank_link, read_page
from graphs.sales.web.urls import is_file, is_same_site, make_key, parse_url

MOST_PAGES = 100
MOST_DEPTH = 5
# A site that refuses this often in a row is left alone.
_MOST_REFUSALS = 5
_ENDING = frozenset({"RateLimited", "AskedToWait", "PrivateAddress"})


@dataclass(frozen=True)
class Unread:
    """A page that was not read, and why."""

    url: str
    reason: str
    message: str


@dataclass
class Crawl:
    """What was read of a site, in the order in which it was read."""

    pages: list[Page] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


async def fetch_page(web: Fetcher, url: str) -> Page:
    """One page, read.

    Raises:
        FetchFailed: with its reason.
    """
    fetched = await web.get(url)
    return await asyncio.to_thread(read_page, fetched.url, fetched.text)


async def fetch_home(web: Fetcher, host: str) -> Page:
    """The first page of a host, by https or, where that does not work, by http; with www. too.

    Raises:
        FetchFailed: what the site answers, else why the first attempt reached nothing.
    """
    failure: FetchFailed | None = None
    for url in _list_homes(host):
        try:
            return await fetch_page(web, url)
        except FetchFailed as error:
            if error.reason not in ("Unreachable", "BadAnswer"):
                raise
            failure = failure or error
    assert failure is not None
    raise failure


def _list_homes(host: str) -> Iterator[str]:
    hosts = [host] if host.startswith("www.") or host.count(".") > 1 else [host, f"www.{host}"]
    for scheme in ("https", "http"):
        yield from (f"{scheme}://{each}/" for each in hosts)


async def crawl(web: Fetcher, start: Page, most_pages: int = 10, most_depth: int = 2) -> Crawl:
    """The site of a page that was read already: nearest first, people's pages before others.

    `most_depth` counts links from the start; 0 is the start alone.
    """
    result = Crawl([start])
    seen = {make_key(start.url)}
    texts = {start.digest}
    waiting: list[tuple[int, int, int, str]] = []
    _note_links(waiting, start, 1, most_depth, seen)
    refusals = 0
    while waiting and len(result.pages) + len(result.unread) < most_pages:
        _rank, depth, _order, url = heapq.heappop(waiting)
        try:
            page = await fetch_page(web, url)
        except FetchFailed as failure:
            result.unread.append(Unread(url, failure.reason, str(failure)))
            refusals = refusals + 1 if failure.reason in ("Refused", "ServerError") else refusals
            if failure.reason in _ENDING or refusals >= _MOST_REFUSALS:
                break
            continue
        refusals = 0
        is_new = make_key(page.url) not in seen or page.url == url
        seen.add(make_key(page.url))
        if not is_new or page.digest in texts or not is_same_site(start.url, page.url):
            continue
        texts.add(page.digest)
        result.pages.append(page)
        _note_links(waiting, page, depth + 1, most_depth, seen)
    return result


def _note_links(
    waiting: list[tuple[int, int, int, str]],
    page: Page,
    depth: int,
    most_depth: int,
    seen: set[str],
) -> None:
    """Add the links of a page that lead on, each key once."""
    if depth > most_depth or not page.may_follow:
        return
    for link in page.links:
        key = make_key(link.url)
        if key not in seen and is_same_site(page.url, link.url) and not is_file(link.url):
            seen.add(key)
            heapq.heappush(waiting, (rank_link(link), depth, len(seen), str(parse_url(link.url))))
