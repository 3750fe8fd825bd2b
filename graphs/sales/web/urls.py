"""Addresses of pages: read as people write them, told apart, and grouped by site. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import httpx
from publicsuffixlist import PublicSuffixList
from w3lib.url import canonicalize_url, url_query_cleaner

from graphs.sales.web.failures import FetchFailed

_LONGEST = 2000
_TRACKING = (
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id", "gclid",
    "fbclid", "msclkid", "mc_cid", "mc_eid", "_ga", "ref", "sessionid", "phpsessid", "jsessionid",
    "replytocom",
)  # fmt: skip
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
_FILE = re.compile(
    r"\.(?:pdf|docx?|xlsx?|pptx?|zip|gz|rar|7z|exe|dmg|msi|apk|jpe?g|png|gif|svg|webp|avif|ico|bmp"
    r"|mp[34]|m4[av]|avi|mov|webm|ogg|wav|css|js|mjs|json|xml|rss|atom|ics|vcf|woff2?|ttf|eot|csv)$",
    re.IGNORECASE,
)


def parse_url(text: str) -> httpx.URL:
    """A web address without its fragment; `https://` where no scheme is written.

    Raises:
        FetchFailed: `InvalidUrl`, with what is wrong.
    """
    given = "".join(text.split()) if len(text) <= _LONGEST else ""
    if not given:
        raise FetchFailed("InvalidUrl", f"An address of a page has 1 to {_LONGEST} characters.")
    if not re.match(r"^[a-z][a-z0-9+.-]*://", given, re.IGNORECASE):
        if re.match(r"^[a-z][a-z0-9+.-]*:(?!\d)", given, re.IGNORECASE):
            raise FetchFailed("InvalidUrl", f"{_shorten(given)} is not a web address.")
        given = f"https://{given.lstrip('/')}"
    try:
        url = httpx.URL(given).copy_with(fragment=None)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise FetchFailed("InvalidUrl", f"{_shorten(given)} is not a web address.") from None
    if url.scheme not in ("http", "https"):
        raise FetchFailed("InvalidUrl", f"{url.scheme}:// is not read; only http and https.")
    if url.userinfo:
        raise FetchFailed("InvalidUrl", "An address with a user name or a password is not read.")
    if not _HOST.fullmatch(url.host) or url.port == 0:
        raise FetchFailed("InvalidUrl", f"{_shorten(given)} names no host.")
    return url.copy_with(raw_path=url.raw_path or b"/")


def join_url(base: str, link: str) -> str | None:
    """Where a link of a page leads, or None when that is no page of the web."""
    link = link.strip()
    if not link or len(link) > _LONGEST or link.startswith("#"):
        return None
    try:
        joined = str(httpx.URL(base).join(re.sub(r"[\t\r\n]", "", link)))
        return str(parse_url(joined)) if joined.startswith(("http://", "https://")) else None
    except (httpx.InvalidURL, FetchFailed, UnicodeError, ValueError):
        return None


def make_key(url: str) -> str:
    """The same for two spellings of one page: no tracking, sorted query, no final slash."""
    cleaned = url_query_cleaner(url, _TRACKING, remove=True)
    key = re.sub(r"(?:/index\.(?:html?|php))?/?(?=\?|$)", "", canonicalize_url(cleaned), count=1)
    return re.sub(r"^https?://(?:www\.)?", "", key)


def is_file(url: str) -> bool:
    """Whether a path ends like something that is no page."""
    return _FILE.search(httpx.URL(url).path) is not None


def find_site(host: str) -> str:
    """The name under which somebody registered: `acme.co.uk` of `blog.acme.co.uk`.

    A host without a registered part, such as an address or `localhost`, is its own site.
    """
    host = host.lower().rstrip(".").removeprefix("www.")
    if host.replace(".", "").isdecimal() or ":" in host:
        return host
    return _suffixes().privatesuffix(host) or host


def is_same_site(one: str, other: str) -> bool:
    """Whether two addresses of pages belong to one site."""
    return find_site(httpx.URL(one).host) == find_site(httpx.URL(other).host)


def list_sites(urls: Iterable[str]) -> list[str]:
    """The sites of some addresses, each once, in their order."""
    return list(dict.fromkeys(find_site(httpx.URL(url).host) for url in urls))


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True)


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
