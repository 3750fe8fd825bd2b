"""The web edge: strangers' sites, fetched politely and safely, and read into facts.

    async with open_web() as web:                       # by this process's SALES_WEB_* settings
        page = await fetch_page(web, "https://acme.example/team")
        home = await fetch_home(web, "acme.example")    # https or http, with www. or without
        found = await crawl(web, home, most_pages=10)   # .pages, .unread

    page.title, page.text, page.headings, page.links, page.language
    page.kinds          # of team, careers, pricing, contact, imprint, about
    page.people         # FoundPerson: name, title, email, phone, profile_url, confidence, how
    page.mails          # FoundMail: address, how, label, is_role
    page.data           # JSON-LD and microdata: page.data.list_typed("Organization")

Whatever is not read raises `FetchFailed`: `reason` is one of few words, the text is a sentence.

`fetching` asks robots.txt, follows five redirects at most and judges each of them, keeps a gap
between two requests to a host, reads 5 MB at most (unpacked), and waits 40 seconds at most.
`network` resolves names itself and connects to the address that it judged: private, loopback,
link-local and cloud addresses are refused, unless SALES_WEB_ALLOW or SALES_WEB_CONNECT_TO name
them. No cookies, no trace headers and no credentials leave. `pages` and below are pure: HTML in,
facts out. What comes back was written by strangers: in a Task it is `untrusted`.
"""

from graphs.sales.web.answers import Fetched
from graphs.sales.web.crawling import Crawl, Unread, crawl, fetch_home, fetch_page
from graphs.sales.web.failures import FetchFailed, Reason
from graphs.sales.web.fetching import DATA, PAGES, Fetcher, open_web
from graphs.sales.web.mails import FoundMail
from graphs.sales.web.pages import Link, Page, read_page
from graphs.sales.web.people import FoundPerson, matches_name, merge_people
from graphs.sales.web.settings import InvalidWebSetting, WebSettings, read_web_settings
from graphs.sales.web.structured import Data
from graphs.sales.web.urls import find_site, is_same_site, join_url, make_key, parse_url

__all__ = [
    "DATA", "PAGES", "Crawl", "Data", "FetchFailed", "Fetched", "Fetcher", "FoundMail",
    "FoundPerson", "InvalidWebSetting", "Link", "Page", "Reason", "Unread", "WebSettings", "crawl",
    "fetch_home", "fetch_page", "find_site", "is_same_site", "join_url", "make_key",
    "matches_name", "merge_people", "open_web", "parse_url", "read_page", "read_web_settings",
]  # fmt: skip
