"""deep_scrape: the pages of one site that say most about a company, with people and addresses.

The graph is compiled here, and loaded as it is: it needs no checkpointer and has no builder.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import Database, make_id, open_database
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Company, Fact
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.sites import (
    gather_mails,
    gather_people,
    get_company,
    has_kind,
    read_site,
    show_unread,
)
from graphs.sales.settings import SalesContext, clean
from graphs.sales.web import Crawl, Page, make_key, open_web
from graphs.sales.web.crawling import MOST_DEPTH, MOST_PAGES

_MOST_TEXT = 5000
_MOST_HEADINGS = 20


class ScrapeInput(TypedDict, total=False):
    """`url`, or `company_id` of the database. `max_pages` 1 to 100, `max_depth` (links from the
    first page) 0 to 5. `now` (ISO 8601) stands in for the clock.
    """

    url: str
    company_id: str
    max_pages: int
    max_depth: int
    now: str


class ScrapedPage(TypedDict):
    """`kinds` are of team, careers, pricing, contact, imprint, about; `text` has 5000 characters
    at most.
    """

    url: str
    title: str
    description: str
    language: str
    kinds: list[str]
    headings: list[str]
    text: str


class ScrapedMail(TypedDict):
    """`how` it was written: data, mailto, text, spelled, encoded. `page` is the first one."""

    address: str
    is_role: bool
    how: str
    page: str


class ScrapedPerson(TypedDict):
    """Empty where the site does not say; `confidence` 0 to 1."""

    name: str
    title: str
    email: str
    phone: str
    profile_url: str
    confidence: float
    page: str


class ScrapeOutput(TypedDict, total=False):
    """`unread` are pages that could not be read: `{"url", "reason", "message"}`. `facts` counts
    pages that are new to the company. `needs_javascript`: the site shows programs nothing.
    """

    pages: list[ScrapedPage]
    emails: list[ScrapedMail]
    people: list[ScrapedPerson]
    has_careers: bool
    has_pricing: bool
    needs_javascript: bool
    unread: list[dict[str, Any]]
    facts: int


class ScrapeState(ScrapeInput, ScrapeOutput, total=False):
    """Input and output together."""


async def scrape(state: ScrapeState, runtime: Runtime[SalesContext]) -> ScrapeState:
    """Read the site; a company's pages become facts of it."""
    del runtime
    url, company_id = clean(state.get("url")), clean(state.get("company_id"))
    if bool(url) == bool(company_id):
        raise ValueError("Send url, or company_id.")
    most_pages = read_count(state, "max_pages", 10, 1, MOST_PAGES)
    most_depth = read_count(state, "max_depth", 2, 0, MOST_DEPTH)
    now = read_now(state.get("now"))
    database = await open_database() if company_id else None
    company = await get_company(database, company_id) if database else None
    async with open_web() as web:
        found = await read_site(web, company, url, most_pages, most_depth)
    facts = await _keep_pages(database, company, found, now) if database and company else 0
    return {**show_site(found), "facts": facts}


def show_site(found: Crawl) -> ScrapeState:
    """What was read, as the output has it. Pure."""
    people = [(person, page) for person, page in gather_people(found.pages)]
    return {
        "pages": [_show_page(page) for page in found.pages],
        "emails": [
            {"address": mail.address, "is_role": mail.is_role, "how": mail.how, "page": page}
            for mail, page in gather_mails(found.pages)
        ],
        "people": [
            {
                "name": person.name,
                "title": person.title,
                "email": person.email,
                "phone": person.phone,
                "profile_url": person.profile_url,
                "confidence": person.confidence,
                "page": page,
            }
            for person, page in people
        ],
        "has_careers": has_kind(found.pages, "careers"),
        "has_pricing": has_kind(found.pages, "pricing"),
        "needs_javascript": any(page.needs_javascript for page in found.pages[:1]),
        "unread": show_unread(found.unread),
    }


def _show_page(page: Page) -> ScrapedPage:
    return {
        "url": page.url,
        "title": page.title,
        "description": page.description,
        "language": page.language,
        "kinds": sorted(page.kinds),
        "headings": list(page.headings[:_MOST_HEADINGS]),
        "text": page.text[:_MOST_TEXT],
    }


async def _keep_pages(database: Database, company: Company, found: Crawl, now: datetime) -> int:
    """How many of the pages are new facts of the company."""
    new = 0
    async with database.begin() as session:
        for page in found.pages:
            new += await insert_once(
                session,
                Fact,
                id=make_id(),
                company_id=company.id,
                kind="page",
                digest=hashlib.sha256(make_key(page.url).encode()).hexdigest(),
                value=_describe(page),
                source=page.url,
                evidence=page.description or page.text[:300],
                confidence=1.0,
                found_at=now,
            )
    return new


def _describe(page: Page) -> Mapping[str, Any]:
    return {
        "url": page.url,
        "title": page.title,
        "language": page.language,
        "kinds": sorted(page.kinds),
    }


def _build() -> Any:
    builder = StateGraph(
        ScrapeState,
        context_schema=SalesContext,
        input_schema=ScrapeInput,
        output_schema=ScrapeOutput,
    )
    builder.add_node("scrape", scrape)
    builder.add_edge(START, "scrape")
    builder.add_edge("scrape", END)
    return builder.compile(name="deep_scrape")


graph = _build()
